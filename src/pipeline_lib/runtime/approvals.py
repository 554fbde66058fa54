"""Nodes that a person must agree to: the question, the answer, and the execution that records both.

An answer is an execution of type `approval` of the node `approve.<node>`, with what the node reads as its
inputs and `decision`, `by`, `comment`, `at` and `subject` as custom properties. It is valid for these very
artifacts only. A later answer in the same run counts instead of an earlier one.
"""

import enum
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline_lib.errors import (
    ApprovalNeededError,
    ApprovalRefusedError,
    ExecutionCanceledError,
    PipelineError,
    UnresolvedValueError,
)
from pipeline_lib.metadata.records import NewExecution, NodeKey, Ports, StoredExecution
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.graph import dependencies
from pipeline_lib.plan.models import ApprovalRule, Node, Plan, approval_id
from pipeline_lib.runtime.failures import named_error
from pipeline_lib.runtime.graph import ancestors
from pipeline_lib.runtime.resolution import artifacts_in
from pipeline_lib.runtime.results import NodeResult, Outcome
from pipeline_lib.runtime.scope import Scope

APPROVAL = "approval"


class Decision(enum.StrEnum):
    """What became of a question."""

    APPROVED = "approved"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked.

    Attributes:
        key: The node that waits.
        inputs: What it would read, by port.
        span: ISO date of the run's span, or "".
    """

    key: NodeKey
    rule: ApprovalRule
    inputs: Ports
    span: str = ""

    @property
    def subject(self) -> str:
        """One line."""
        of_span = f" of {self.span}" if self.span else ""
        return f"{self.key.pipeline}{of_span}: run {self.key.node}?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered.

    Attributes:
        by: User name; "" if nobody answered.
        at: UTC.
    """

    decision: Decision
    by: str = ""
    comment: str = ""
    at: datetime


Approver = Callable[[Question], Answer | None]
"""Asks somebody; None if there is nobody to ask."""


def question_of(node: Node, key: NodeKey, scope: Scope, *, span: str) -> Question:
    """The question that a node's approval puts.

    Raises:
        UnresolvedValueError: What the node reads cannot be told.
    """
    return Question(
        key=key,
        rule=node.options.approval or ApprovalRule(),
        inputs={port: artifacts_in(scope.evaluate(spec.source)) for port, spec in node.inputs.items()},
        span=span,
    )


def record_answer(
    store: Store, question: Question, answer: Answer, facts: Mapping[str, Any]
) -> StoredExecution:
    """Record an answer; the same answer once, however often it is recorded."""
    told = {
        "decision": str(answer.decision),
        "by": answer.by,
        "comment": answer.comment,
        "at": answer.at.isoformat(timespec="milliseconds"),
        "subject": question.key.node,
    }
    number = 0
    while True:
        key = _answer_key(question.key, number)
        done = store.completed(key)
        if done is None:
            new = NewExecution(
                key=key,
                type_name=APPROVAL,
                cache_key="",
                inputs=question.inputs,
                parameters=told,
                facts={**facts, "run_span": question.span},
            )
            store.record_resolved(new, {})
            done = store.completed(key)  # perhaps that of another process, which was first
        if done is not None and dict(done.parameters) == told:
            return done
        number += 1


def latest_answer(store: Store, key: NodeKey) -> StoredExecution | None:
    """The last answer about a node of a run, with what it was about; None if there is none."""
    last = None
    for number in itertools.count():
        done = store.completed(_answer_key(key, number))
        if done is None:
            break
        last = done
    return None if last is None else store.execution(last.id)


def is_approved(store: Store, question: Question) -> bool:
    """Whether the last answer is yes, and about these very artifacts."""
    return _agrees(latest_answer(store, question.key), question)


def withheld(
    question: Question, *, store: Store, approver: Approver | None, facts: Mapping[str, Any]
) -> NodeResult | None:
    """How a node ends that was not agreed to; None if it was, and may run.

    Raises:
        ApprovalNeededError: Nobody has answered, and nobody can be asked.
    """
    given = latest_answer(store, question.key)
    if not _agrees(given, question):
        answer = approver(question) if approver is not None else None
        if answer is not None:
            _require_permitted(question, answer)
            given = record_answer(store, question, answer, facts)
    if given is None or (not _is_about(given, question) and decision_of(given) is Decision.APPROVED):
        raise ApprovalNeededError(
            f"{question.key.node} needs somebody's approval"
            + ("" if given is None else ", and what was approved is not what it would read now"),
            reads=_reads(question.inputs),
            fix=f"pipeline run {question.key.pipeline} --resume {question.key.run_id}"
            f" --approve {question.key.node}",
        )
    return refusal(question, decision_of(given), _told(given))


def refusal(question: Question, decision: Decision, why: str) -> NodeResult | None:
    """How the node ends by that decision; None if it may run."""
    if decision is Decision.APPROVED:
        return None
    rule = question.rule
    if (rule.on_reject if decision is Decision.REJECTED else rule.on_timeout) == "skip":
        return NodeResult(key=question.key, outcome=Outcome.SKIPPED, reason=why)
    error: PipelineError = ApprovalRefusedError(
        f"{question.key.node} was not approved: {why}",
        reads=_reads(question.inputs),
        fix="mend what they did not like and run again, or ask again",
    )
    return NodeResult(key=question.key, outcome=Outcome.FAILED, error=error, reason=error.summary)


def not_launched(error: PipelineError | OSError, key: NodeKey, plan: Plan, store: Store) -> NodeResult:
    """How a node ends that could not be launched: failed; skipped, if what it reads was not approved."""
    if isinstance(error, UnresolvedValueError) and (refused := refused_above(store, plan, key)):
        return NodeResult(key=key, outcome=Outcome.SKIPPED, reason=f"{refused} was not approved")
    named = named_error(error, key)
    outcome = Outcome.CANCELED if isinstance(error, ExecutionCanceledError) else Outcome.FAILED
    return NodeResult(key=key, outcome=outcome, error=named, reason=named.summary)


def refused_above(store: Store, plan: Plan, key: NodeKey) -> str | None:
    """The nearest node upstream that was not agreed to in this run, if there is one."""
    edges = dependencies(plan)
    for upstream in sorted(ancestors({key.node}, edges) - {key.node}):
        if plan.node(upstream).options.approval is None:
            continue
        given = latest_answer(store, NodeKey(pipeline=key.pipeline, run_id=key.run_id, node=upstream))
        if given is not None and decision_of(given) is not Decision.APPROVED:
            return upstream
    return None


def decision_of(answer: StoredExecution) -> Decision:
    """What was decided."""
    return Decision(str(answer.parameters["decision"]))


def _answer_key(key: NodeKey, number: int) -> NodeKey:
    return NodeKey(
        pipeline=key.pipeline,
        run_id=key.run_id,
        node=approval_id(key.node),
        iteration=(number,) if number else (),
    )


def _agrees(given: StoredExecution | None, question: Question) -> bool:
    return given is not None and decision_of(given) is Decision.APPROVED and _is_about(given, question)


def _is_about(given: StoredExecution, question: Question) -> bool:
    then = {port: [a.id for a in artifacts] for port, artifacts in given.inputs.items() if artifacts}
    now = {port: [a.id for a in artifacts] for port, artifacts in question.inputs.items() if artifacts}
    return then == now


def _require_permitted(question: Question, answer: Answer) -> None:
    permitted = question.rule.approvers
    if permitted and answer.decision is not Decision.TIMED_OUT and answer.by not in permitted:
        raise ApprovalNeededError(
            f"{answer.by} may not answer for {question.key.node}",
            approvers=", ".join(permitted),
            fix="let one of these answer",
        )


def _told(given: StoredExecution) -> str:
    told = given.parameters
    if decision_of(given) is Decision.TIMED_OUT:
        return f"nobody answered until {told['at']}"
    comment = f": {told['comment']}" if told.get("comment") else ""
    return f"{told['decision']} by {told['by'] or 'somebody'}{comment}"


def _reads(inputs: Ports) -> str:
    return ", ".join(f"{a.type_name} {a.id}" for artifacts in inputs.values() for a in artifacts) or "nothing"
