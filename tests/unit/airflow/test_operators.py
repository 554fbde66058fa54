"""How a node's end becomes a task's; whole tasks run in tests/integration/airflow/postgresql/test_runs.py."""

import threading
from datetime import UTC, datetime

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from pipeline_lib.airflow.operators import NodeOperator, raise_unless_done, summary
from pipeline_lib.errors import ComponentFailedError
from pipeline_lib.metadata.records import NodeKey, StoredArtifact
from pipeline_lib.runtime.results import NodeResult, Outcome

KEY = NodeKey(pipeline="p", run_id="p.r", node="n")


def failed(*, retryable: bool) -> NodeResult:
    error = ComponentFailedError("n failed", fix="mend it")
    error.__dict__["retryable"] = retryable
    return NodeResult(key=KEY, outcome=Outcome.FAILED, error=error)


def test_a_skipped_node_is_a_skipped_task() -> None:
    with pytest.raises(AirflowSkipException, match="does not hold"):
        raise_unless_done(NodeResult(key=KEY, outcome=Outcome.SKIPPED, reason="its condition does not hold"))


def test_a_failed_node_says_so_in_our_words() -> None:
    with pytest.raises(AirflowException, match=r"(?s)^\[PL\d+\] n failed.*fix:.*mend it$") as raised:
        raise_unless_done(failed(retryable=True))
    assert not isinstance(raised.value, AirflowFailException)


def test_what_another_try_cannot_mend_is_not_tried_again() -> None:
    with pytest.raises(AirflowFailException, match="n failed"):
        raise_unless_done(failed(retryable=False))


def test_a_nodes_outputs_are_plain_json() -> None:
    artifact = StoredArtifact(id=1, type_name="A", uri="/a", digest="d", created_at=datetime.now(UTC))
    result = NodeResult(key=KEY, outcome=Outcome.CACHED, outputs={"out": (artifact,)}, execution_id=4)
    raise_unless_done(result)
    assert summary(result) == {
        "outcome": "cached",
        "reason": "",
        "run_id": "p.r",
        "execution": 4,
        "outputs": {"out": [{"id": 1, "type": "A", "uri": "/a", "digest": "d"}]},
    }


def test_a_kill_is_heard_before_and_while_the_node_runs() -> None:
    task = NodeOperator(task_id="n", node="n")
    task.on_kill()
    assert task._killed
    task._cancel = event = threading.Event()
    task.on_kill()
    assert event.wait(30)
