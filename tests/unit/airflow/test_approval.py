"""The approval task's question and answer; whole ones: integration/airflow/postgresql/test_nightly.py."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline_lib import Approval
from pipeline_lib.airflow import to_dag
from pipeline_lib.airflow.approval import ApproveNode, answer_of, body_of, event_of, first_try
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NodeKey, StoredArtifact
from pipeline_lib.plan.models import ApprovalRule, ArtifactType
from pipeline_lib.runtime.approvals import Answer, Decision, Question, record_answer
from unit.airflow.test_dags import CODE, plan

KEY = NodeKey(pipeline="p", run_id="r", node="use")
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = {"A": ArtifactType(code=CODE)}


def event(option: str, **more: Any) -> dict[str, Any]:
    user = {"id": "ana", "name": "ana"}
    return {
        "chosen_options": [option],
        "params_input": {},
        "responded_by_user": user,
        "responded_at": MOMENT,
        "timedout": False,
        **more,
    }


@pytest.mark.parametrize(
    ("told", "decision", "by", "comment"),
    [
        pytest.param(event("Approve"), Decision.APPROVED, "ana", "", id="yes"),
        pytest.param(
            event("Reject", params_input={"comment": "no"}), Decision.REJECTED, "ana", "no", id="no"
        ),
        pytest.param(
            event("Reject", timedout=True, responded_by_user=None), Decision.TIMED_OUT, "", "", id="none"
        ),
    ],
)
def test_airflows_answer_is_ours(told: dict[str, Any], decision: Decision, by: str, comment: str) -> None:
    answer = answer_of(told)
    assert (answer.decision, answer.by, answer.comment, answer.at) == (decision, by, comment, MOMENT)


@pytest.mark.parametrize("decision", list(Decision))
def test_a_recorded_answer_can_be_told_again(tmp_path: Path, decision: Decision) -> None:
    by = "" if decision is Decision.TIMED_OUT else "ana"
    answer = Answer(decision=decision, by=by, comment="why", at=MOMENT)
    question = Question(key=KEY, rule=ApprovalRule(), inputs={})
    with open_store(f"sqlite:///{tmp_path}/store.sqlite") as store:
        given = record_answer(store, question, answer, {})
    assert answer_of(event_of(given)) == answer


@pytest.mark.parametrize(
    ("number", "most", "first"),
    [
        pytest.param(1, 2, 1, id="first"),
        pytest.param(2, 2, 1, id="tried-again"),
        pytest.param(2, 3, 2, id="cleared"),
    ],
)
def test_clearing_begins_a_new_series_of_tries(number: int, most: int, first: int) -> None:
    assert first_try(SimpleNamespace(try_number=number, max_tries=most), retries=2) == first


def test_the_question_shows_what_would_be_read() -> None:
    artifact = StoredArtifact(
        id=3,
        type_name="Model",
        uri="/m",
        digest="d",
        properties={"auc": 0.7, "note": "a|b", "none": None},
        created_at=MOMENT,
    )
    body = body_of(Question(key=KEY, rule=ApprovalRule(message="Push it?"), inputs={"model": (artifact,)}))
    assert body.splitlines()[0] == "Push it?"
    page = "/plugin/pipelines/lineage/artifacts/3"
    assert body.splitlines()[-1] == rf"| model | [Model 3]({page}) | auc: 0.7, note: a\|b |"
    assert "no artifact" in body_of(Question(key=KEY, rule=ApprovalRule(), inputs={}))


def test_a_node_with_approval_has_a_task_before_it_that_asks() -> None:
    rule = Approval(timeout=timedelta(hours=1), approvers=["ana"], message="Use it?")
    dag = to_dag(plan(artifact_types=TYPES), approvals={"use": rule})
    task = dag.get_task("approve.use")
    assert isinstance(task, ApproveNode)
    assert (task.upstream_task_ids, task.downstream_task_ids) == ({"make"}, {"use"})
    assert dag.get_task("use").upstream_task_ids == {"make", "approve.use"}
    assert (task.response_timeout, task.defaults) == (timedelta(hours=1), ["Reject"])
    assert task.assigned_users == [{"id": "ana", "name": "ana"}]
    assert list(task.params) == ["comment"]


def test_without_a_time_limit_there_is_no_answer_by_default() -> None:
    task = to_dag(plan(artifact_types=TYPES), approvals={"use": Approval()}).get_task("approve.use")
    assert (task.response_timeout, task.defaults, task.assigned_users) == (None, None, None)
