"""What a run would do and why."""

from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import DataMissingError
from pipeline_lib.plan.expressions import Constant
from pipeline_lib.plan.models import CodeRef, Plan
from pipeline_lib.runtime.parameters import bind
from pipeline_lib.runtime.planning import Forecast, Planner
from pipeline_lib.runtime.session import Session
from unit.runtime.toy_runs import launcher_of, node_of, toy_plan


def forecasts(session: Session, plan: Plan, given: dict[str, Any], **context: Any) -> dict[str, Forecast]:
    planner = Planner(plan, launcher_of(session, plan, "forecast", **context), bind(plan, given))
    return {str(forecast.key): forecast for forecast in planner.forecast()}


def verdicts(session: Session, plan: Plan, given: dict[str, Any], **context: Any) -> dict[str, str]:
    return {key: found.verdict for key, found in forecasts(session, plan, given, **context).items()}


def test_what_depends_on_a_miss_is_pending(session: Session, number: dict[str, Any]) -> None:
    assert verdicts(session, toy_plan("chain"), number) == {
        "read": "miss",
        "add": "pending",
        "last": "pending",
    }


def test_after_a_run_all_is_there(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    session.run(plan, number)
    assert set(verdicts(session, plan, number).values()) == {"hit"}
    assert verdicts(session, plan, number, force=frozenset({"add"}))["add"] == "miss"


def test_a_miss_says_which_parts_differ(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    session.run(plan, number)
    found = forecasts(session, plan, {**number, "plus": 5})["add"]
    assert [(c.kind, c.name, c.before, c.after) for c in found.changes] == [("parameter", "plus", "1", "5")]


def test_nothing_is_recorded_or_executed(session: Session, number: dict[str, Any]) -> None:
    verdicts(session, toy_plan("chain"), number)
    assert session.store.runs(None, limit=9) == []
    assert session.store.run_executions("forecast") == []


def test_conditions_on_known_outputs_are_decided(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("diamond")
    assert set(verdicts(session, plan, number).values()) == {"miss", "pending"}
    session.run(plan, number)
    assert verdicts(session, plan, number) == {"read": "hit", "large": "skipped", "small": "hit"}


def test_loops_over_known_values_have_a_line_each(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("fan")
    session.run(plan, {**number, "steps": [1, 2]})
    assert verdicts(session, plan, {**number, "steps": [1, 2, 5]}) == {
        "read": "hit",
        "add[0]": "hit",
        "add[1]": "hit",
        "add[2]": "miss",
        "total": "pending",
    }


def test_a_loop_over_unknown_artifacts_is_pending(session: Session, number: dict[str, Any]) -> None:
    assert verdicts(session, toy_plan("parts"), number)["add"] == "pending"


def test_resolvers_are_asked(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("newest")
    found = forecasts(session, plan, number)
    assert (found["latest"].verdict, found["latest"].reason) == ("resolved", "found none")


def test_an_error_is_a_verdict_with_its_fix(session: Session, tmp_path: Path) -> None:
    found = forecasts(session, toy_plan("chain"), {"source": str(tmp_path / "gone")})
    assert found["read"].verdict == "error"
    assert found["read"].detail == ("fix: mend the driver",)
    assert found["add"].verdict == "pending"


def late(parameters: dict[str, Any]) -> dict[str, Any]:
    """A driver whose data is not there yet."""
    raise DataMissingError(
        "there are no files", fix="wait", wait_seconds=parameters["span"] * 100.0, poll_seconds=0.1
    )


@pytest.mark.parametrize(
    ("span", "verdict", "reason"),
    [
        (36, "pending", "there are no files; a run waits for up to 1 h 0 min"),
        (0, "error", "there are no files"),
    ],
)
def test_planning_does_not_wait_for_data(
    session: Session, number: dict[str, Any], span: int, verdict: str, reason: str
) -> None:
    plan = toy_plan("chain")
    driver = CodeRef(module=late.__module__, qualname="late")
    node = node_of(plan, "read", driver=driver)
    node = node.model_copy(update={"parameters": {**node.parameters, "span": Constant(value=span)}})
    others = [other for other in plan.nodes if other.id != "read"]
    changed = plan.model_copy(update={"nodes": (node, *others)})
    found = forecasts(session, changed, number)
    assert (found["read"].verdict, found["read"].reason) == (verdict, reason)
    assert found["last"].verdict == "pending"


def test_order_without_artifacts_counts_too(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    session.run(plan, number)
    nodes = tuple(node_of(plan, "last", after=("add",)) if node.id == "last" else node for node in plan.nodes)
    changed = forecasts(session, plan.model_copy(update={"nodes": nodes}), {**number, "plus": 4})
    assert changed["last"].reason == "depends on what add puts out"


def test_a_miss_names_the_parameter(session: Session, number: dict[str, Any]) -> None:
    plan = toy_plan("chain")
    session.run(plan, number)
    assert forecasts(session, plan, {**number, "plus": 9})["add"].reason == "plus: 1 -> 9"
