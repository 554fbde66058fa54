from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline_lib.metadata.mlmd_records import (
    execution_message,
    execution_state,
    existing_events,
    node_external_id,
    output_external_id,
    run_message,
    stored_artifact,
    stored_execution,
    stored_run,
)
from pipeline_lib.metadata.records import ArtifactState, NewExecution, NodeKey, Run, State, StoredArtifact

NAMES = st.text(max_size=5)
KEYS = st.builds(
    NodeKey,
    pipeline=NAMES,
    run_id=NAMES,
    node=NAMES,
    iteration=st.lists(st.integers(0, 99), max_size=2).map(tuple),
)
KEY = NodeKey(pipeline="p", run_id="r", node="n")


@given(KEYS, KEYS)
def test_two_nodes_never_share_an_external_id(one: NodeKey, other: NodeKey) -> None:
    assert (node_external_id(one) == node_external_id(other)) == (one == other)


def test_the_external_id_of_a_node_is_pinned() -> None:
    """A change would let a running store complete a node twice."""
    assert node_external_id(KEY) == "f5f2a8df8480760a577e241255f3ad5b4d7b2c4fa8e8cfe57936770d33a0762d"


def test_ids_fit_every_backends_column() -> None:
    long = NodeKey(pipeline="p" * 500, run_id="r" * 500, node="n" * 500)
    assert len(output_external_id(node_external_id(long), "x" * 500, 3)) == 64


@given(KEYS, st.dictionaries(st.text(), st.none() | st.booleans() | st.text()))
def test_an_execution_survives(key: NodeKey, values: dict[str, object]) -> None:
    new = NewExecution(key=key, type_name="t", cache_key="c", inputs={}, parameters=values, facts=values)
    message = execution_message(new, type_id=1, name="x", state=State.RUNNING, span="")
    found = stored_execution(pb.Execution.FromString(message.SerializeToString()))
    assert (found.key, found.parameters, found.facts, found.cache_key) == (key, values, values, "c")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NEW", State.RUNNING),
        ("RUNNING", State.RUNNING),
        ("COMPLETE", State.COMPLETE),
        ("CACHED", State.CACHED),
        ("FAILED", State.FAILED),
        ("CANCELED", State.CANCELED),
        ("UNKNOWN", State.FAILED),
    ],
)
def test_states_are_read(name: str, expected: State) -> None:
    message = pb.Execution(last_known_state=pb.Execution.State.Value(name))
    assert execution_state(message) is expected


def test_the_holder_of_the_external_id_succeeded() -> None:
    message = pb.Execution(last_known_state=pb.Execution.FAILED, external_id="x")
    assert execution_state(message) is State.COMPLETE


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (pb.Artifact.LIVE, ArtifactState.LIVE),
        (pb.Artifact.UNKNOWN, ArtifactState.LIVE),
        (pb.Artifact.PENDING, ArtifactState.ABANDONED),
        (pb.Artifact.DELETED, ArtifactState.DELETED),
    ],
)
def test_artifact_states_are_read(state: int, expected: ArtifactState) -> None:
    assert stored_artifact(pb.Artifact(state=state), kinds={}).state is expected


def test_an_artifact_under_two_ports_has_one_event() -> None:
    """ML Metadata allows one event of a kind between an execution and an artifact."""
    artifact = StoredArtifact(
        id=7, type_name="T", uri="/x", digest="d", created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    ((nothing, event),) = existing_events("INPUT", {"a": [artifact, artifact], "b": [artifact], "c": []})
    assert nothing is None
    assert event.artifact_id == 7
    assert [step.key or step.index for step in event.path.steps] == ["a", 0, "a", 1, "b", 0]


def test_a_run_survives() -> None:
    run = Run(
        pipeline="p",
        run_id="r",
        state=State.FAILED,
        span="2013-01-01",
        parameters={"a": [1]},
        facts={"b": None},
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        ended_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    )
    message, names = run_message(run, type_id=1)
    assert stored_run(message) == run
    assert names == sorted(message.custom_properties)
