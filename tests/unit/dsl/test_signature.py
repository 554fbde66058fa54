# ruff: noqa: B008, PLW0108  pipelines are written as lambdas
"""Declarations: what a component's function may take and return."""

from pathlib import Path
from typing import Any

import pytest

from pipeline_lib import Model, component
from pipeline_lib.dsl.signature import snake_case
from pipeline_lib.errors import DeclarationError
from unit.dsl.parts import compiled


@component
def untyped_argument(x) -> Model:  # type: ignore[no-untyped-def]
    return Model.new()


@component
def returns_a_value() -> int:
    return 3


@component
def returns_untyped():  # type: ignore[no-untyped-def]
    return None


@component
def dict_of_artifacts(models: dict[str, Model]) -> None:
    del models


@component
def many(*models: Model) -> None:
    del models


@component
def artifact_default(model: Model = Model.at("/x")) -> None:
    del model


@component
def opaque_parameter(x: Path | complex = 1j) -> None:
    del x


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (untyped_argument, "x has no type"),
        (returns_a_value, "returns int"),
        (returns_untyped, "does not say what it returns"),
        (dict_of_artifacts, "models cannot be dict"),
        (many, r"takes \*models"),
        (artifact_default, "is an artifact and has a default"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_component_declarations(target: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        compiled(lambda: target(1))


def test_local_components_cannot_be_placed() -> None:
    @component
    def local() -> None:
        return None

    with pytest.raises(DeclarationError, match="cannot be imported by the process"):
        compiled(lambda: local())


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("Model", "model"),
        ("ExampleStatistics", "example_statistics"),
        ("HTTPLog", "http_log"),
        ("TFModel2Go", "tf_model2_go"),
    ],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake
