"""What whole runs (tests/integration) do not reach: two launchers of one node, errors before the child."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import DeclaredDeadError
from pipeline_lib.metadata.records import ORPHANED, ArtifactQuery, NewExecution, NodeKey, State
from pipeline_lib.plan.expressions import Constant
from pipeline_lib.plan.models import CodeRef
from pipeline_lib.runtime import leases
from pipeline_lib.runtime.endings import canceled
from pipeline_lib.runtime.launcher import Launcher
from pipeline_lib.runtime.messages import Request, Response
from pipeline_lib.runtime.results import NodeStep, Outcome, Step
from pipeline_lib.runtime.session import Session
from unit.runtime.toy_runs import launcher_of, node_of, scope_of, toy_plan

READ = NodeKey(pipeline="chain", run_id="run-1", node="read")


class Overtaken:
    """Executes, and lets another launcher bring the same node to its end before it answers."""

    def __init__(self, launcher: Launcher, number: dict[str, Any]) -> None:
        self._launcher, self._number = launcher, number
        self.winner: Any = None

    def warm_up(self, preload: Any) -> None:
        """Nothing to prepare."""

    def execute(self, request: Request, **options: Any) -> Response:
        response = self._launcher.executor.execute(request, **options)
        plan = toy_plan("chain")
        self.winner = self._launcher.launch(node_of(plan, "read"), scope_of(plan, self._number))
        return response


def test_of_two_tries_of_a_node_one_is_published(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    first = launcher_of(session, plan, force=frozenset({"read"}))
    overtaken = Overtaken(first, number)
    lost = replace(first, executor=overtaken).launch(node_of(plan, "read"), scope_of(plan, number))
    assert lost.outcome is Outcome.COMPLETE
    assert lost.outputs == overtaken.winner.outputs
    states = [e.state for e in session.store.run_executions("run-1")]
    assert sorted(states) == [State.CANCELED, State.COMPLETE]
    (artifact,) = session.store.artifacts(ArtifactQuery(type_name="Number"))
    files = list(Path(session.profile.artifacts.root).rglob("number.txt"))
    assert files == [Path(artifact.uri, "number.txt")]  # the loser's output is gone
    assert not list(Path(session.profile.artifacts.root).glob(".staging/*"))


class GivenUp:
    """Executes nothing: meanwhile another machine gives the try up, and this one is told to stop."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def warm_up(self, preload: Any) -> None:
        """Nothing to prepare."""

    def execute(self, request: Request, *, cancel: threading.Event, **options: Any) -> Response:
        (running,) = self._session.store.active_executions()
        self._session.store.finish(running.id, State.FAILED, {ORPHANED: True})
        deadline = time.monotonic() + 10
        while not cancel.is_set():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return canceled(request)


def test_a_try_that_was_given_up_stops(
    session: Session, number: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.01)
    plan = toy_plan("chain")
    launcher = replace(launcher_of(session, plan), executor=GivenUp(session))
    result = launcher.launch(node_of(plan, "read"), scope_of(plan, number))
    assert (result.outcome, result.error and result.error.code) == (Outcome.FAILED, "PL307")
    (execution,) = session.store.run_executions("run-1")
    assert (execution.state, execution.facts["error"]["code"]) == (State.FAILED, "PL307")
    assert not list(Path(session.profile.artifacts.root).glob(".staging/*"))


def test_an_orchestrators_next_try_ends_the_one_before(session: Session, number: dict[str, Any]) -> None:
    """The first runs on another machine, where it cannot be seen, with a lease that has not run out."""
    plan = toy_plan("chain")
    node, scope = node_of(plan, "read"), scope_of(plan, number)
    execution = NewExecution(
        key=READ,
        type_name="read",
        cache_key="",
        inputs={},
        parameters={},
        facts={"host": "elsewhere", "try": 1, **leases.lease_facts()},
    )
    before = session.store.start(execution)
    result = launcher_of(session, plan, resumed=True, attempt=2).launch(node, scope)
    assert result.outcome is Outcome.COMPLETE
    first, second = session.store.run_executions("run-1")
    assert (first.id, first.state, first.facts[ORPHANED]) == (before, State.FAILED, True)
    assert (second.id, second.state, second.facts["try"]) == (result.execution_id, State.COMPLETE, 2)
    with pytest.raises(DeclaredDeadError):
        session.store.complete(before, READ, {}, {})


def test_the_same_node_of_the_same_run_again_is_the_same_execution(
    session: Session, number: dict[str, Any]
) -> None:
    plan = toy_plan("chain")
    node, scope = node_of(plan, "read"), scope_of(plan, number)
    first, again = (launcher_of(session, plan).launch(node, scope) for _ in range(2))
    assert (again.execution_id, again.outputs) == (first.execution_id, first.outputs)
    assert len(session.store.run_executions("run-1")) == 1


def test_a_resumed_run_executes_nothing_twice(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    node, scope = node_of(plan, "read"), scope_of(plan, number)
    first = launcher_of(session, plan).launch(node, scope)
    resumed = launcher_of(session, plan, resumed=True).launch(node, scope)
    assert (resumed.execution_id, resumed.reason) == (first.execution_id, "complete in this run already")


def test_a_driver_that_fails_fails_the_node(session: Session, number: dict[str, Any], tmp_path: Path) -> None:
    plan = toy_plan("chain")
    result = launcher_of(session, plan).launch(
        node_of(plan, "read"), scope_of(plan, {"source": str(tmp_path / "gone.txt")})
    )
    assert result.outcome is Outcome.FAILED
    assert str(result.error).startswith("[PL406] the driver of read failed: FileNotFoundError")
    assert list(session.store.run_executions("run-1")) == []


def test_a_driver_that_is_gone_fails_the_node(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    node = node_of(plan, "read", driver=CodeRef(module="toy.components", qualname="no_driver"))
    result = launcher_of(session, plan).launch(node, scope_of(plan, number))
    assert "toy.components:no_driver cannot be imported" in str(result.error)


def test_a_condition_that_does_not_hold_skips(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    node = node_of(plan, "read", condition=Constant(value=False))
    result = launcher_of(session, plan).launch(node, scope_of(plan, number))
    assert (result.outcome, result.execution_id) == (Outcome.SKIPPED, None)


def test_a_canceled_launcher_starts_nothing(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    launcher = launcher_of(session, plan)
    launcher.cancel.set()
    result = launcher.launch(node_of(plan, "read"), scope_of(plan, number))
    assert result.outcome is Outcome.CANCELED
    assert session.store.completed(READ) is None


def test_the_steps_are_told_in_order(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    steps: list[Step] = []
    launcher = replace(
        launcher_of(session, plan),
        observe=lambda event: steps.append(event.step) if isinstance(event, NodeStep) else None,
    )
    launcher.launch(node_of(plan, "read"), scope_of(plan, number))
    assert steps == [Step.RESOLVING, Step.LOOKING_UP, Step.EXECUTING, Step.PUBLISHING]


@pytest.mark.parametrize("times", [1, 2])
def test_what_was_cached_from_what_was_cached_names_the_work(
    session: Session, number: dict[str, Any], times: int
) -> None:
    plan = toy_plan("chain")
    node, scope = node_of(plan, "read"), scope_of(plan, number)
    first = launcher_of(session, plan, "run-0").launch(node, scope)
    for attempt in range(times):
        again = launcher_of(session, plan, f"run-{attempt + 1}").launch(node, scope)
    assert again.outcome is Outcome.CACHED
    assert again.reason.startswith(f"as in execution {first.execution_id}, ")
