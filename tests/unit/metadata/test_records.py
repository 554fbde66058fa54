"""Records of the store: the words that the rest of the library and ML Metadata share."""

import pytest

from pipeline_lib.metadata.records import ArtifactState, NodeKey, Run, State


def test_states_are_ml_metadatas() -> None:
    from ml_metadata.proto import metadata_store_pb2 as pb

    assert {state.value for state in State} <= set(pb.Execution.State.keys())
    assert {state.value for state in ArtifactState} <= set(pb.Artifact.State.keys())


@pytest.mark.parametrize("state", list(State))
def test_only_what_was_completed_has_outputs(state: State) -> None:
    assert state.succeeded == (state in ("COMPLETE", "CACHED"))


def test_an_iteration_is_named_with_its_place_in_each_loop() -> None:
    key = NodeKey(pipeline="p", run_id="r", node="train", iteration=(2, 0))
    assert str(key) == "train[2][0]"
    assert str(NodeKey(pipeline="p", run_id="r", node="train")) == "train"


def test_a_run_is_the_same_before_and_after_it_has_a_number() -> None:
    assert Run(pipeline="p", run_id="r", state=State.RUNNING) == Run(
        pipeline="p", run_id="r", state=State.RUNNING, id=7
    )
