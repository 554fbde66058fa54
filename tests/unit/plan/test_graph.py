"""Order and cycles."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.plan.graph import dependencies, find_cycle
from unit.dsl.parts import compiled, sample


def test_dependencies_go_through_conditions_and_loops() -> None:
    edges = dependencies(compiled(sample))
    assert edges["push"] == {"train", "judge"}
    assert edges["train_2"] == {"shard"}
    assert edges["ingest"] == frozenset()


@given(st.dictionaries(st.integers(0, 8), st.sets(st.integers(0, 8)), max_size=9))
def test_a_cycle_is_one_and_none_means_an_order_exists(graph: dict[int, set[int]]) -> None:
    edges = {str(node): {str(other) for other in others} for node, others in graph.items()}
    cycle = find_cycle(edges)
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert all(b in edges.get(a, ()) for a, b in itertools.pairwise(cycle))
        return
    placed: set[str] = set()
    remaining = {*edges, *(other for others in edges.values() for other in others)}
    while remaining:
        ready = {node for node in remaining if edges.get(node, set()) <= placed}
        assert ready
        placed |= ready
        remaining -= ready
