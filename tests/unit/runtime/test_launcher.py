"""What whole runs (tests/integration) do not reach: two launchers of one node, errors before the child."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.metadata.records import ArtifactQuery, NodeKey, State
from pipeline_lib.plan.expressions import Constant
from pipeline_lib.plan.models import CodeRef
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
