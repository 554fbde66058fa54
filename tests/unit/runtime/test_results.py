"""What becomes of nodes: which outcomes fail a run, and which have outputs to read."""

from datetime import UTC, datetime

import pytest

from pipeline_lib.metadata.records import NodeKey, State, StoredExecution
from pipeline_lib.runtime.results import (
    NodeResult,
    Outcome,
    RunInterrupted,
    RunResult,
    recorded_result,
)

KEY = NodeKey(pipeline="p", run_id="r", node="train")


def test_no_outcome_both_fails_and_has_outputs() -> None:
    assert not [outcome for outcome in Outcome if outcome.failed and outcome.has_outputs]
    neither = {outcome for outcome in Outcome if not (outcome.failed or outcome.has_outputs)}
    assert neither == {Outcome.SKIPPED, Outcome.LEFT_OUT}


@pytest.mark.parametrize(
    ("state", "outcome"), [(State.COMPLETE, Outcome.COMPLETE), (State.CACHED, Outcome.CACHED)]
)
def test_a_recorded_execution_stands_for_a_result(state: State, outcome: Outcome) -> None:
    now = datetime.now(UTC)
    done = StoredExecution(
        id=7,
        key=KEY,
        type_name="m.f",
        state=state,
        cache_key="",
        parameters={},
        facts={},
        started_at=now,
        updated_at=now,
        outputs={"model": ()},
    )
    result = recorded_result(done, "complete already")
    assert (result.key, result.outcome, result.execution_id) == (KEY, outcome, 7)
    assert (result.outputs, result.reason) == ({"model": ()}, "complete already")


def test_results_are_found_by_node() -> None:
    nodes = tuple(
        NodeResult(key=NodeKey(pipeline="p", run_id="r", node=name, iteration=place), outcome=Outcome.CACHED)
        for name, place in (("train", (0,)), ("read", ()), ("train", (1,)))
    )
    run = RunResult(pipeline="p", run_id="r", state=State.COMPLETE, span="", seconds=1.0, nodes=nodes)
    assert run.of("train") == (nodes[0], nodes[2])
    assert run.of("push") == ()


def test_an_interrupted_run_is_an_interrupt_that_names_it() -> None:
    """Whoever handles Ctrl-C handles this; no `except Exception` does."""
    interrupt = RunInterrupted("p-1")
    assert isinstance(interrupt, KeyboardInterrupt)
    assert not isinstance(interrupt, Exception)
    assert interrupt.run_id == "p-1"
