"""`Approval`: a person must agree before a node runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pipeline_lib.errors import OptionError

if TYPE_CHECKING:
    from pipeline_lib.plan import models

Refusal = Literal["skip", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person must agree before the node runs: `push.options(approval=Approval())(model, blessing)`.

    In Airflow it is a task of its own with the standard provider's approval operator; `pipeline run` asks on
    the terminal, or takes `--approve NODE`. Who decided what, when and why is recorded, with the artifacts.

    Attributes:
        timeout: How long to wait for the answer; None: for ever.
        on_reject: What becomes of the node if the answer is no: skipped, or failed.
        on_timeout: Likewise, if there was none.
        approvers: User names that may answer; empty: whoever may answer at all.
        message: What the person is told besides what the node reads.
    """

    timeout: timedelta | None = None
    on_reject: Refusal = "skip"
    on_timeout: Refusal = "skip"
    approvers: Sequence[str] = ()
    message: str = ""


def plan_rule(approval: object, *, node: str, at: str) -> "models.ApprovalRule":
    """The approval as the plan keeps it.

    Raises:
        OptionError: It is none, or one of its values makes no sense.
    """
    from pydantic import ValidationError

    from pipeline_lib.plan import models

    if not isinstance(approval, Approval):
        raise OptionError(f"{node}: approval cannot be {approval!r}", at=at, fix="pass an Approval(...)")
    timeout, approvers = approval.timeout, approval.approvers
    if timeout is not None and not isinstance(timeout, timedelta):
        raise OptionError(f"{node}: approval.timeout cannot be {timeout!r}", at=at, fix="pass a timedelta")
    if isinstance(approvers, str):
        raise OptionError(
            f"{node}: approval.approvers cannot be {approvers!r}", at=at, fix=f"write [{approvers!r}]"
        )
    try:
        return models.ApprovalRule(
            timeout_seconds=None if timeout is None else timeout.total_seconds(),
            on_reject=approval.on_reject,
            on_timeout=approval.on_timeout,
            approvers=tuple(approvers),
            message=approval.message,
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise OptionError(
            f"{node}: approval.{fault['loc'][0]} cannot be {fault['input']!r}", at=at, fix=fault["msg"]
        ) from error


def with_approvals(plan: "models.Plan", approvals: Mapping[str, Approval]) -> "models.Plan":
    """The plan with further nodes that need approval; a rule given here replaces the pipeline's own.

    Raises:
        PlanReferenceError: There is no such node, or it cannot be asked about.
        OptionError: An approval makes no sense.
    """
    from pipeline_lib.plan.validation import check_plan, require_node

    if not approvals:
        return plan
    for node_id in approvals:
        require_node(plan, node_id)
    nodes = []
    for node in plan.nodes:
        if node.id in approvals:
            rule = plan_rule(approvals[node.id], node=node.id, at=plan.name)
            options = node.options.model_copy(update={"approval": rule})
            nodes.append(node.model_copy(update={"options": options}))
        else:
            nodes.append(node)
    changed = plan.model_copy(update={"nodes": tuple(nodes)})
    check_plan(changed)
    return changed
