"""Which node waits for which, read off a plan's expressions, and whether there is an order for them."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel

from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan.models import Loop, Node, Plan


def parts(value: object) -> Iterator[BaseModel]:
    """An expression and every expression in it."""
    if isinstance(value, BaseModel):
        yield value
        for part in value.__dict__.values():
            if not isinstance(part, str):
                yield from parts(part)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from parts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts(item)


def sources(node: Node, loops: Mapping[str, Loop]) -> Iterator[tuple[str, ex.Expression]]:
    """Every expression a node is resolved from, with its name in the plan."""
    for port, spec in node.inputs.items():
        yield f"inputs.{port}", spec.source
    for name, value in node.parameters.items():
        yield f"parameters.{name}", value
    if node.condition is not None:
        yield "condition", node.condition
    for loop in node.loops:
        if loop in loops:
            yield f"loops.{loop}", loops[loop].over


def dependencies(plan: Plan) -> dict[str, frozenset[str]]:
    """Ids of the nodes each node must wait for, `after` included; exit handlers' waiting for all is not."""
    loops = {loop.id: loop for loop in plan.loops}
    return {
        node.id: frozenset(node.after)
        | {
            part.node
            for _, expression in sources(node, loops)
            for part in parts(expression)
            if isinstance(part, ex.FromOutput | ex.FromGather)
        }
        for node in plan.nodes
    }


def find_cycle(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """Nodes that wait for each other, first one repeated at the end; None if there are none."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        pending: list[tuple[str, bool]] = [(start, False)]
        while pending:
            node, leaving = pending.pop()
            if leaving:
                done.add(path.pop())
                continue
            if node in path:
                return (*path[path.index(node) :], node)
            if node in done:
                continue
            path.append(node)
            pending.append((node, True))
            pending.extend((upstream, False) for upstream in sorted(edges.get(node, ())))
    return None
