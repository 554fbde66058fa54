"""The task that asks whether a node may run, with the standard provider's approval operator."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.triggers.hitl import HITLTrigger
from airflow.sdk import Param
from airflow.sdk.bases.notifier import BaseNotifier
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from pipeline_lib.airflow.links import address_of
from pipeline_lib.airflow.runs import TaskRun, deployment_of, task_run
from pipeline_lib.errors import PipelineError
from pipeline_lib.metadata.records import NodeKey, StoredArtifact, StoredExecution
from pipeline_lib.plan.models import ApprovalRule, Node
from pipeline_lib.runtime.approvals import (
    Answer,
    Decision,
    Question,
    decision_of,
    is_approved,
    latest_answer,
    not_launched,
    question_of,
    record_answer,
    refusal,
)
from pipeline_lib.runtime.results import Outcome

_LONGEST_VALUE = 120
_ASKED = "asked_in_try"


class ApproveNode(ApprovalOperator):
    """Asks whether a node may run; the answer, also none, is recorded in the metadata store.

    A node whose condition does not hold, which is complete in this run already, or which was approved to run
    on what it would read, is not asked about.

    Args:
        node: Id in the plan.
        rule: Of the node.
        notifiers: Told that somebody is waited for.
    """

    ui_color = "#fce8e6"

    def __init__(
        self, *, node: str, rule: ApprovalRule, notifiers: Sequence[BaseNotifier] = (), **kwargs: Any
    ) -> None:
        seconds = rule.timeout_seconds
        kwargs.pop("params", None)  # the DAG's, which are no fields of the answer
        super().__init__(
            subject=f"Run {node}?",
            body=rule.message,
            # Without a default Airflow would fail the task at the time-out, and nobody would record it.
            defaults=None if seconds is None else self.REJECT,
            response_timeout=None if seconds is None else timedelta(seconds=seconds),
            assigned_users=[{"id": name, "name": name} for name in rule.approvers] or None,
            params={"comment": Param(None, type=["null", "string"], description="Why, for the record.")},
            notifiers=notifiers,
            **kwargs,
        )
        self.node = node

    def execute(self, context: Any) -> Any:
        """Ask, unless the node would not run anyway.

        Raises:
            AirflowSkipException: Its condition does not hold.
            AirflowFailException: What it reads cannot be told.
        """
        with task_run(deployment_of(context), context) as run:
            node, key = _node_and_key(run, self.node)
            if run.session.store.completed(key) is not None:
                return {"decision": None, "reason": "complete in this run already"}
            question = _question(run, node, key)
            if is_approved(run.session.store, question):
                return {"decision": str(Decision.APPROVED), "reason": "approved in this run already"}
            given = latest_answer(run.session.store, key)
        first = first_try(context["ti"], self.retries or 0)
        if given is not None and given.facts["airflow"]["try"] >= first:
            self.log.info("answered to an earlier try: execution %s", given.id)
            return self._conclude(context, question, event_of(given))
        if (context["task_state_store"].get(_ASKED) or 0) >= first:
            self._await_what_was_asked(context)
        context["task_state_store"].set(_ASKED, context["ti"].try_number)
        self.subject = question.subject
        self.body = body_of(question)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Record the answer, then go on, skip or fail as the plan says.

        Raises:
            AirflowFailException: No, or no answer in time, and the plan says that the node fails then.
            DownstreamTasksSkipped: Likewise, and the plan says that it is skipped.
        """
        if "error" in event:
            return super().execute_complete(context, event)
        answer = answer_of(event)
        with task_run(deployment_of(context), context) as run:
            node, key = _node_and_key(run, self.node)
            question = _question(run, node, key)
            record_answer(run.session.store, question, answer, run.context.facts)
            recorded = latest_answer(run.session.store, key)
        self.log.info(
            "%s by %s: recorded as execution %s",
            answer.decision,
            answer.by or "nobody",
            recorded.id if recorded else None,
        )
        return self._conclude(context, question, event)

    def _await_what_was_asked(self, context: Any) -> None:
        """Wait for the answer to the question that an earlier try put, or take it if it is there.

        An answer that comes while the task that asked is still leaving its worker makes Airflow 3.3.2 take
        the task for killed, and try it again. Asking again would delete the answer, and going on at
        once would be too early again; the triggerer is late enough.
        """
        limit = self.response_timeout
        self.defer(
            trigger=HITLTrigger(
                ti_id=context["ti"].id,
                options=self.options,
                params=self.serialized_params,
                defaults=self.defaults,
                multiple=self.multiple,
                timeout_datetime=None if limit is None else datetime.now(UTC) + limit,
                poke_interval=1.0,
            ),
            method_name="execute_complete",
        )

    def _conclude(self, context: Any, question: Question, event: dict[str, Any]) -> Any:
        answer = answer_of(event)
        result = refusal(question, answer.decision, answer.comment or str(answer.decision))
        if result is not None and result.outcome is Outcome.FAILED:
            raise AirflowFailException(str(result.error))
        return super().execute_complete(context, event)


def answer_of(event: Mapping[str, Any]) -> Answer:
    """What Airflow was answered, in our words."""
    user = event.get("responded_by_user") or {}
    approved = event["chosen_options"] == [ApprovalOperator.APPROVE]
    decision = Decision.APPROVED if approved else Decision.REJECTED
    at = event.get("responded_at") or datetime.now(UTC)
    return Answer(
        decision=Decision.TIMED_OUT if event.get("timedout") else decision,
        by=str(user.get("name") or user.get("id") or ""),
        comment=str((event.get("params_input") or {}).get("comment") or ""),
        at=datetime.fromisoformat(at) if isinstance(at, str) else at,
    )


def event_of(given: StoredExecution) -> dict[str, Any]:
    """A recorded answer as Airflow told it: the reverse of `answer_of`."""
    told = given.parameters
    decision = decision_of(given)
    approved = decision is Decision.APPROVED
    return {
        "chosen_options": [ApprovalOperator.APPROVE if approved else ApprovalOperator.REJECT],
        "params_input": {"comment": told["comment"]},
        "responded_at": datetime.fromisoformat(str(told["at"])),
        "responded_by_user": {"id": told["by"], "name": told["by"]} if told["by"] else None,
        "timedout": decision is Decision.TIMED_OUT,
    }


def first_try(ti: Any, retries: int) -> int:
    """Number of the task's first try since somebody cleared it, which means to ask anew."""
    return int(ti.max_tries) - retries + 1


def body_of(question: Question) -> str:
    """The question's text in Markdown: what the author says, and what the node would read, with its pages."""
    rows = [
        f"| {port} | [{artifact.type_name} {artifact.id}]({address_of(f'/artifacts/{artifact.id}')})"
        f" | {_properties(artifact)} |"
        for port, artifacts in question.inputs.items()
        for artifact in artifacts
    ]
    head = ["| reads | artifact | properties |", "| --- | --- | --- |"]
    message = [question.rule.message, ""] if question.rule.message else []
    return "\n".join([*message, *(head + rows if rows else ["It reads no artifact."])])


def _properties(artifact: StoredArtifact) -> str:
    shown = []
    for name, value in artifact.properties.items():
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if value not in (None, "", [], {}) and len(text) <= _LONGEST_VALUE:
            shown.append(f"{name}: {text}")
    return ", ".join(shown).replace("|", "\\|").replace("\n", " ")


def _node_and_key(run: TaskRun, node_id: str) -> tuple[Node, NodeKey]:
    key = NodeKey(pipeline=run.plan.name, run_id=run.context.run_id, node=node_id)
    return run.plan.node(node_id), key


def _question(run: TaskRun, node: Node, key: NodeKey) -> Question:
    scope = run.results().scope()
    try:
        if node.condition is not None and not scope.evaluate(node.condition):
            raise AirflowSkipException("its condition does not hold")
        return question_of(node, key, scope, span=run.context.span)
    except PipelineError as error:
        result = not_launched(error, key, run.plan, run.session.store)
        if result.outcome is Outcome.SKIPPED:
            raise AirflowSkipException(result.reason) from error
        raise AirflowFailException(str(error)) from error
