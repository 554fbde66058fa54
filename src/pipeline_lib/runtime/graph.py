"""Which node waits for which when a plan is run."""

from pipeline_lib.plan.graph import dependencies
from pipeline_lib.plan.models import Plan


def graph(plan: Plan) -> dict[str, frozenset[str]]:
    """Direct upstream nodes of every node. Exit handlers wait for all nodes that are none."""
    ordinary = frozenset(node.id for node in plan.nodes if not node.exit_handler)
    return {
        node.id: needs | (ordinary if node.exit_handler else frozenset())
        for node, needs in zip(plan.nodes, dependencies(plan).values(), strict=True)
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
