"""`run` and `execute`: real artifacts in, checked artifacts out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib import Done, Examples, Model, ModelBlessing, component, workspace
from pipeline_lib.errors import (
    ExecutionInputError,
    NoWorkspaceError,
    ParameterTypeError,
    ResultError,
    UnsetPropertyError,
    WireTypeError,
)
from unit.dsl.parts import (
    KerasModel,
    Trained,
    Tuning,
    ensemble,
    ingest,
    judge,
    notify,
    shard,
    train,
)


@dataclass(frozen=True)
class Record:
    id: int = 1
    uri: str = "/data"
    digest: str = "d"
    properties: dict[str, Any] = field(default_factory=dict)


def test_run_executes_and_types_hold(tmp_path: Path) -> None:
    with workspace(tmp_path):
        trained = train.run(Examples.at(tmp_path), steps=7, tuning=Tuning(lr=0.5))
    assert isinstance(trained, Trained)
    assert trained.model.accuracy == 0.5
    assert trained.model.scores == {"EWR": 7}
    assert trained.model.path.parent == tmp_path


def test_run_of_a_component_without_outputs_is_done() -> None:
    assert isinstance(notify.run("x"), Done)


def test_run_checks_artifacts_and_parameters(tmp_path: Path) -> None:
    with pytest.raises(WireTypeError, match=r"train\.examples cannot read"):
        train.run(Model.at(tmp_path))  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match=r"train\.steps cannot be 0"):
        train.run(Examples.at(tmp_path), steps=0)
    with pytest.raises(ParameterTypeError, match=r"train\.tuning cannot be"):
        train.run(Examples.at(tmp_path), tuning={"lr": 1.0})  # type: ignore[arg-type]


def test_run_needs_a_workspace_for_outputs() -> None:
    with pytest.raises(NoWorkspaceError, match="outside a component's body"):
        ingest.run()


def test_execute_makes_values_of_plain_json(tmp_path: Path) -> None:
    parameters = {"steps": 3, "tuning": {"lr": 1, "size": "large"}, "rates": None, "module": "a.b"}
    with workspace(tmp_path):
        outputs = train.execute({"examples": [Record(properties={"span": 3, "gone": 1})]}, parameters)
    assert {port: len(found) for port, found in outputs.items()} == {"model": 1, "evaluation": 1}
    (model,) = outputs["model"]
    assert isinstance(model, KerasModel)
    assert model.accuracy == 1.0


def test_execute_reads_dates_and_lists(tmp_path: Path) -> None:
    with workspace(tmp_path):
        (examples,) = ingest.execute({}, {"span": "2013-01-05", "source": "x"})["examples"]
        assert isinstance(examples, Examples)
        assert examples.rows == {"train": 5}
        (model,) = ensemble.execute({"models": [Record(), Record(id=2)]}, {})["keras_model"]
        assert model.property_values()["scores"] == {"models": 2}


def test_execute_gives_none_for_an_absent_optional(tmp_path: Path) -> None:
    with workspace(tmp_path):
        (blessing,) = judge.execute({"model": [Record()], "baseline": []}, {})["blessing"]
    assert isinstance(blessing, ModelBlessing)
    assert blessing.blessed


def test_execute_gives_no_artifact_for_none(tmp_path: Path) -> None:
    whole = {"span": 1, "version": 0, "split_names": ["a"], "rows": {}}
    with workspace(tmp_path):
        outputs = shard.execute({"examples": [Record(properties=whole)]}, {})
    assert (len(outputs["parts"]), outputs["rejected"]) == (1, ())


@pytest.mark.parametrize(
    ("inputs", "parameters", "message"),
    [
        ({"examples": [Record()]}, {"steps": "3"}, r"train\.steps cannot be '3'"),
        ({"examples": [Record()]}, {"steps": 0}, r"train\.steps cannot be 0"),
        ({"examples": [Record()]}, {"epochs": 0}, "train has no argument epochs"),
        ({}, {}, r"train\.examples was given 0 artifacts"),
        ({"examples": [Record(), Record()]}, {}, r"train\.examples was given 2 artifacts"),
    ],
    ids=["type", "bound", "unknown", "missing", "too-many"],
)
def test_execute_refuses(inputs: dict[str, Any], parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ExecutionInputError, match=message):
        train.execute(inputs, parameters)


@component
def returns_nothing() -> Model:
    return None  # type: ignore[return-value]


@component
def returns_too_much() -> None:
    return 3  # type: ignore[return-value]


@component
def forgets_a_property() -> KerasModel:
    return KerasModel.new()


@pytest.mark.parametrize("target", [returns_nothing, returns_too_much], ids=lambda t: t.__name__)
def test_wrong_results_are_refused(target: Any) -> None:
    with pytest.raises(ResultError, match=rf"{target.__name__} returned"):
        target.execute({}, {})


def test_an_output_must_be_complete(tmp_path: Path) -> None:
    with workspace(tmp_path), pytest.raises(UnsetPropertyError, match=r"KerasModel\.scores was never set"):
        forgets_a_property.execute({}, {})
