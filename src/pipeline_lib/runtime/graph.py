"""Which node waits for which: read off a plan's expressions."""

from collections.abc import Iterator

from pydantic import BaseModel

from pipeline_lib.plan.expressions import FromGather, FromItem, FromOutput
from pipeline_lib.plan.models import Node, Plan


def upstream(node: Node, plan: Plan) -> frozenset[str]:
    """Ids of the nodes that must have ended before `node` can be resolved."""
    loops = {loop.id: loop for loop in plan.loops}
    found = set(node.after)
    pending: list[object] = [
        *(port.source for port in node.inputs.values()),
        *node.parameters.values(),
        node.condition,
        *(loops[loop_id].over for loop_id in node.loops),
    ]
    while pending:
        for part in _parts(pending.pop()):
            match part:
                case FromOutput() | FromGather():
                    found.add(part.node)
                case FromItem():
                    pending.append(loops[part.loop].over)
    return frozenset(found)


def graph(plan: Plan) -> dict[str, frozenset[str]]:
    """Direct upstream nodes of every node. Exit handlers wait for all nodes that are none."""
    ordinary = frozenset(node.id for node in plan.nodes if not node.exit_handler)
    return {
        node.id: upstream(node, plan) | (ordinary if node.exit_handler else frozenset())
        for node in plan.nodes
    }


def ancestors(node_ids: set[str], edges: dict[str, frozenset[str]]) -> set[str]:
    """The nodes and everything they depend on, directly or not."""
    found: set[str] = set()
    pending = list(node_ids)
    while pending:
        node_id = pending.pop()
        if node_id not in found:
            found.add(node_id)
            pending.extend(edges[node_id])
    return found


def descendants(node_ids: set[str], edges: dict[str, frozenset[str]]) -> set[str]:
    """The nodes and everything that depends on them, directly or not."""
    downstream: dict[str, frozenset[str]] = {
        node_id: frozenset(other for other, needs in edges.items() if node_id in needs) for node_id in edges
    }
    return ancestors(node_ids, downstream)


def _parts(value: object) -> Iterator[object]:
    """The expression and every expression in it."""
    if isinstance(value, BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from _parts(getattr(value, name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _parts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _parts(item)
