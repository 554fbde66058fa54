"""Order, blocking and events of a local run; whole runs are in tests/integration."""

import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import SelectionError
from pipeline_lib.metadata.records import NodeKey, State
from pipeline_lib.runtime.results import Event, NodeEnded, NodeResult, NodeStep, Outcome
from pipeline_lib.runtime.runner import LocalResults
from pipeline_lib.runtime.selection import Selection
from pipeline_lib.runtime.session import Session
from unit.runtime.toy_runs import toy_plan


def test_results_are_found_by_node_and_iteration() -> None:
    results = LocalResults()
    for iteration in ((1, 0), (0, 1), (0, 0)):
        key = NodeKey(pipeline="p", run_id="r", node="n", iteration=iteration)
        results.add(NodeResult(key=key, outcome=Outcome.COMPLETE))
    assert results.iterations("n", (0,)) == [(0, 0), (0, 1)]
    assert results.iterations("n", ()) == [(0, 0), (0, 1), (1, 0)]
    assert results.get("n", (2,)) is None
    assert results.get("other", ()) is None
    assert [result.key.iteration for result in results.in_order()] == [(1, 0), (0, 1), (0, 0)]


def test_every_node_is_told_to_have_ended_once(session: Session, number: dict[str, Any]) -> None:
    events: list[Event] = []
    lock = threading.Lock()

    def observe(event: Event) -> None:
        with lock:
            events.append(event)

    result = session.run(toy_plan("chain"), number, observe=observe)
    ended = [str(event.result.key) for event in events if isinstance(event, NodeEnded)]
    assert ended == [str(node.key) for node in result.nodes] == ["read", "add", "last"]
    first_steps = [str(event.key) for event in events if isinstance(event, NodeStep)]
    assert first_steps.index("add") > first_steps.index("read")


def test_what_follows_a_failure_is_blocked_by_name(session: Session, tmp_path: Path) -> None:
    result = session.run(toy_plan("chain"), {"source": str(tmp_path / "gone")})
    assert result.state is State.FAILED
    assert [(str(n.key), n.outcome, n.reason) for n in result.nodes][1:] == [
        ("add", Outcome.BLOCKED, "read failed"),
        ("last", Outcome.BLOCKED, "read failed"),
    ]


def test_a_partial_run_without_a_past_ends_and_is_recorded(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    with pytest.raises(SelectionError, match="has no earlier result to go on from"):
        session.run(plan, number, selection=Selection.of(plan, only=["last"]))
    (run,) = session.store.runs(None, limit=9)
    assert run.state is State.CANCELED
    assert list(session.store.active_executions()) == []


def test_an_observer_that_raises_ends_the_run(session: Session, number: dict[str, Any]) -> None:
    def broken() -> None:
        raise RuntimeError("the view broke")

    def observe(event: Event) -> None:
        if isinstance(event, NodeEnded):
            broken()

    with pytest.raises(RuntimeError, match="the view broke"):
        session.run(toy_plan("chain"), number, observe=observe)
    (run,) = session.store.runs(None, limit=9)
    assert run.state is State.CANCELED
