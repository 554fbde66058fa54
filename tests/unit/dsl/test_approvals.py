"""Approvals in a pipeline, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from pipeline_lib import Approval
from pipeline_lib.dsl.approvals import with_approvals
from pipeline_lib.errors import OptionError, PlanReferenceError
from pipeline_lib.plan.models import ApprovalRule
from pipeline_lib.plan.reading import plan_from_text
from unit.dsl.parts import compiled, ingest, train


def gated(approval: Any) -> None:
    train.options(approval=approval)(ingest())


def plainly() -> None:
    train(ingest())


def test_a_rule_is_in_the_plan_and_survives_its_text() -> None:
    rule = Approval(timeout=timedelta(hours=8), on_timeout="fail", approvers=["ana"], message="Good?")
    plan = compiled(lambda: gated(rule))
    expected = ApprovalRule(timeout_seconds=28800, on_timeout="fail", approvers=("ana",), message="Good?")
    assert plan.node("train").options.approval == expected
    assert plan_from_text(plan.to_text()) == plan


def test_a_plan_without_approvals_does_not_mention_them() -> None:
    assert '"approval"' not in compiled(plainly).to_text()


@pytest.mark.parametrize(
    ("approval", "message"),
    [
        pytest.param(True, "approval cannot be True", id="no rule"),
        pytest.param(Approval(timeout=8), "approval.timeout cannot be 8", id="number"),  # type: ignore[arg-type]
        pytest.param(Approval(timeout=timedelta(0)), "approval.timeout_seconds cannot be 0", id="no time"),
        pytest.param(Approval(approvers="ana"), "approval.approvers cannot be 'ana'", id="one text"),
        pytest.param(Approval(on_reject="retry"), "approval.on_reject cannot", id="end"),  # type: ignore[arg-type]
    ],
)
def test_rules_that_make_no_sense(approval: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        compiled(lambda: gated(approval))


def test_a_deployment_can_ask_about_further_nodes() -> None:
    plan = compiled(plainly)
    changed = with_approvals(plan, {"train": Approval(message="Train?")})
    assert changed.node("train").options.approval == ApprovalRule(message="Train?")
    assert changed.node("ingest") == plan.node("ingest")
    assert with_approvals(plan, {}) is plan


def test_a_deployment_cannot_ask_about_what_is_not_there() -> None:
    plan = compiled(plainly)
    with pytest.raises(PlanReferenceError, match=r"(?s)no node named trian.*did you mean train\?"):
        with_approvals(plan, {"trian": Approval()})
