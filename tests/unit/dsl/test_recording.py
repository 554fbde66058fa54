"""What is recorded while a pipeline's function runs."""

import sys

import pytest

from pipeline_lib import Model
from pipeline_lib.dsl.places import Place, place_of
from pipeline_lib.dsl.recording import (
    Chain,
    Guard,
    LoopScope,
    Recorder,
    active_recorder,
    artifact_type,
    record,
    require_recorder,
)
from pipeline_lib.errors import DeclarationError, NodeIdError, OutsidePipelineError
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan.models import CodeRef, Node
from unit.dsl.parts import KerasModel

CODE = CodeRef(module="m", qualname="f")


@pytest.fixture
def place() -> Place:
    return place_of(sys._getframe())


def test_ids_are_counted_and_those_asked_for_are_kept(place: Place) -> None:
    recorder = Recorder("p")
    for wanted, expected in ((None, "train"), ("train_2", "train_2"), (None, "train_3")):
        found = recorder.choose_id(wanted, "train", place)
        assert found == expected
        recorder.add(Node(id=found, code=CODE), place)
    with pytest.raises(NodeIdError, match="train_2 is taken"):
        recorder.choose_id("train_2", "train", place)
    with pytest.raises(NodeIdError, match="'2nd' cannot be a node's id"):
        recorder.choose_id("2nd", "train", place)


def test_blocks_nest_and_end_with_an_error_too(place: Place) -> None:
    recorder = Recorder("p")
    fact = ex.FromParameter(name="force")
    guard = Guard(facts=(fact,), chain=Chain(), place=place)
    loop = LoopScope(id="loop_1", place=place)
    with pytest.raises(ZeroDivisionError), recorder.inside(guard), recorder.inside(loop):  # noqa: PT012
        assert (recorder.facts, recorder.open_loops) == ((fact,), ("loop_1",))
        raise ZeroDivisionError
    assert (recorder.blocks, recorder.facts, len(recorder.last_chains)) == ((), (), 1)


def test_types_are_registered_once_and_two_of_one_name_are_refused(place: Place) -> None:
    recorder = Recorder("p")
    assert recorder.register(KerasModel, place) == recorder.register(KerasModel, place) == "KerasModel"
    assert artifact_type(KerasModel).base_type == "Model"

    class Other(Model, type_name="KerasModel"):
        """Another class of that name."""

    with pytest.raises(DeclarationError, match="two artifact classes are named KerasModel"):
        recorder.register(Other, place)


def test_one_pipeline_is_recorded_at_a_time(place: Place) -> None:
    with pytest.raises(OutsidePipelineError, match="when was used outside a @pipeline"):
        require_recorder("when", place)
    with record(Recorder("p")) as recorder:
        assert require_recorder("when", place) is recorder is active_recorder()
    assert active_recorder() is None
