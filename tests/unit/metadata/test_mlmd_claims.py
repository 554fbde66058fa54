"""Claims on a cache key: one at a time, on every backend, however many want it at once."""

from typing import Any

import pytest

from pipeline_lib.errors import ClaimedError
from pipeline_lib.metadata.mlmd import MlmdStore
from pipeline_lib.metadata.records import State
from pipeline_lib.metadata.store import Store
from unit.metadata.building import key, new, ready


def claim(store: Store, run_id: str, **changes: Any) -> int:
    return store.start(new(run_id=run_id, **changes), claims=True)


def test_a_claim_ends_with_the_outputs(store: Store) -> None:
    first = claim(store, "r1")
    with pytest.raises(ClaimedError, match="another run computes the same result") as refused:
        claim(store, "r2")
    assert refused.value.holder == first
    assert store.run_executions("r2") == []
    store.complete(first, key(run_id="r1"), {}, {})
    second = claim(store, "r2")
    found = store.execution(second)
    assert found is not None
    assert found.state is State.RUNNING
    assert [one.id for one in store.active_executions()] == [second]


@pytest.mark.parametrize("end", [State.FAILED, State.CANCELED])
def test_a_claim_ends_with_a_try_that_has_none(store: Store, end: State) -> None:
    tries = []
    for number in range(4):
        tries.append(claim(store, f"r{number}"))
        with pytest.raises(ClaimedError) as refused:
            claim(store, "other")
        assert refused.value.holder == tries[-1]
        store.finish(tries[-1], end, {})
    found = [store.execution(id_) for id_ in tries]
    assert [one.state for one in found if one is not None] == [end] * 4


def test_who_does_not_claim_is_not_refused_and_refuses_nobody(store: Store) -> None:
    forced = store.start(new(run_id="forced"))
    first = claim(store, "r1")
    store.start(new(run_id="forced-again"))
    store.finish(forced, State.FAILED, {})
    with pytest.raises(ClaimedError) as refused:
        claim(store, "r2")
    assert refused.value.holder == first


def test_other_results_can_be_computed_meanwhile(store: Store) -> None:
    claim(store, "r1")
    claim(store, "r2", cache_key="decaf")


def test_a_claim_costs_no_call(store: MlmdStore) -> None:
    connection = store._connection
    ready(store, "r1")
    store.start(new(run_id="r1"))  # types are known from now on
    before = connection.calls
    claim(store, "r1")
    assert connection.calls == before + 1


def test_a_claimant_that_is_marked_dead_cannot_publish_and_one_that_completed_stays_so(store: Store) -> None:
    first = claim(store, "r1")
    store.complete(first, key(run_id="r1"), {}, {})
    store.finish(first, State.FAILED, {"doctor": True})
    found = store.completed(key(run_id="r1"))
    assert found is not None
    assert (found.id, found.state) == (first, State.COMPLETE)
