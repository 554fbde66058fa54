"""Asking, answering and recording, with the local runner."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline_lib import Approval
from pipeline_lib.dsl.approvals import with_approvals
from pipeline_lib.errors import ApprovalRefusedError
from pipeline_lib.metadata.records import NodeKey, State, StoredExecution
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.approvals import Answer, Decision, Question, latest_answer, record_answer
from pipeline_lib.runtime.results import Outcome, RunResult
from pipeline_lib.runtime.session import Session
from unit.runtime.toy_runs import toy_plan

MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def plan_with(**rule: Any) -> Plan:
    return with_approvals(toy_plan("chain"), {"add": Approval(**rule)})


def saying(decision: Decision, by: str = "ana", comment: str = "why") -> Callable[[Question], Answer]:
    return lambda _: Answer(decision=decision, by=by, comment=comment, at=MOMENT)


def outcomes(result: RunResult) -> dict[str, Outcome]:
    return {str(node.key): node.outcome for node in result.nodes}


def answers(session: Session, result: RunResult) -> list[StoredExecution]:
    return [e for e in session.store.run_executions(result.run_id) if e.type_name == "approval"]


def test_an_approval_is_an_execution_of_what_was_approved(session: Session, number: dict[str, Any]) -> None:
    result = session.run(plan_with(), number, approver=saying(Decision.APPROVED))
    assert result.state is State.COMPLETE
    (recorded,) = answers(session, result)
    assert recorded.state is State.COMPLETE
    assert dict(recorded.parameters) == {
        "decision": "approved",
        "by": "ana",
        "comment": "why",
        "at": "2026-01-01T12:00:00.000+00:00",
        "subject": "add",
    }
    (read,) = result.of("read")
    assert [a.id for a in recorded.inputs["a"]] == [a.id for a in read.outputs["number"]]
    assert recorded.outputs == {}


def test_a_rejection_skips_the_node_and_what_reads_it(session: Session, number: dict[str, Any]) -> None:
    result = session.run(plan_with(), number, approver=saying(Decision.REJECTED))
    assert result.state is State.COMPLETE
    assert outcomes(result)["add"] is outcomes(result)["last"] is Outcome.SKIPPED
    assert [node.reason for node in result.of("add")] == ["rejected by ana: why"]
    assert [node.reason for node in result.of("last")] == ["add was not approved"]


def test_a_time_out_fails_the_node_if_the_plan_says_so(session: Session, number: dict[str, Any]) -> None:
    plan = plan_with(on_timeout="fail")
    result = session.run(plan, number, approver=saying(Decision.TIMED_OUT, by="", comment=""))
    assert outcomes(result)["add"] is Outcome.FAILED
    (failed,) = result.of("add")
    assert isinstance(failed.error, ApprovalRefusedError)
    assert "nobody answered until" in str(failed.error)
    assert answers(session, result)[0].parameters["decision"] == "timed_out"


def test_with_nobody_to_ask_the_run_fails_and_can_be_resumed(
    session: Session, number: dict[str, Any]
) -> None:
    failed = session.run(plan_with(), number)
    assert outcomes(failed)["add"] is Outcome.FAILED
    assert f"--resume {failed.run_id} --approve add" in str(failed.of("add")[0].error)
    resumed = session.run(plan_with(), {}, resume=failed.run_id, approver=saying(Decision.APPROVED))
    assert resumed.state is State.COMPLETE
    assert outcomes(resumed)["last"] is Outcome.COMPLETE


def test_only_the_named_may_answer(session: Session, number: dict[str, Any]) -> None:
    plan = plan_with(approvers=("ben",))
    result = session.run(plan, number, approver=saying(Decision.APPROVED, by="ana"))
    assert outcomes(result)["add"] is Outcome.FAILED
    assert "ana may not answer for add" in str(result.of("add")[0].error)
    assert answers(session, result) == []


def test_an_answer_is_recorded_once_and_a_later_one_counts(session: Session, number: dict[str, Any]) -> None:
    result = session.run(plan_with(), number, approver=saying(Decision.REJECTED))
    key = NodeKey(pipeline="chain", run_id=result.run_id, node="add")
    (first,) = answers(session, result)
    question = Question(key=key, rule=plan_with().node("add").options.approval, inputs=first.inputs)  # type: ignore[arg-type]
    again = saying(Decision.REJECTED)(question)
    assert record_answer(session.store, question, again, {}).id == first.id
    later = saying(Decision.APPROVED, by="ben")(question)
    second = record_answer(session.store, question, later, {})
    found = latest_answer(session.store, key)
    assert found is not None
    assert (found.id, found.parameters["by"]) == (second.id, "ben")


def test_an_approval_is_not_valid_for_other_artifacts(session: Session, number: dict[str, Any]) -> None:
    plan = plan_with()
    failed = session.run(plan, number)
    key = NodeKey(pipeline="chain", run_id=failed.run_id, node="add")
    rule = plan.node("add").options.approval
    assert rule is not None
    question = Question(key=key, rule=rule, inputs={"a": ()})
    record_answer(session.store, question, saying(Decision.APPROVED)(question), {})
    resumed = session.run(plan, {}, resume=failed.run_id)
    assert outcomes(resumed)["add"] is Outcome.FAILED
    assert "what was approved is not what it would read now" in str(resumed.of("add")[0].error)


def test_a_cached_node_is_asked_about_all_the_same(session: Session, number: dict[str, Any]) -> None:
    session.run(plan_with(), number, approver=saying(Decision.APPROVED))
    again = session.run(plan_with(), number, approver=saying(Decision.REJECTED))
    assert outcomes(again)["add"] is Outcome.SKIPPED


@pytest.mark.parametrize("kind", ["loop", "exit", "taken"])
def test_where_nobody_can_be_asked(kind: str) -> None:
    from pipeline_lib.errors import PlanReferenceError

    plans = {"loop": ("fan", "add"), "exit": ("wicked", "tell"), "taken": ("chain", "last")}
    name, node = plans[kind]
    plan = toy_plan(name)
    if kind == "taken":
        nodes = [n.model_copy(update={"id": "approve.last"}) if n.id == "add" else n for n in plan.nodes]
        plan = plan.model_copy(update={"nodes": tuple(nodes)})
    with pytest.raises(PlanReferenceError, match="approval"):
        with_approvals(plan, {node: Approval()})
