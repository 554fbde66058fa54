"""Which type fits which, restated from the checkers' rules."""

import enum
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Optional, TypeVar, Union

import pytest
from pydantic import Field

from pipeline_lib import Examples, Model
from pipeline_lib.dsl.hints import Hint, artifact_hint, comparable, describe, fits, substitute
from unit.dsl.parts import KerasModel

A = TypeVar("A", bound=Model)


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("actual", "expected", "answer"),
    [
        (int, int, True),
        (int, float, True),
        (float, int, False),
        (bool, int, True),
        (KerasModel, Model, True),
        (Model, KerasModel, False),
        (int, int | None, True),
        (int | None, int, False),
        (int | None, Optional[float], True),  # noqa: UP045
        (Literal["a"], str, True),
        (Literal["a"], Literal["a", "b"], True),
        (str, Literal["a"], False),
        (Literal["a", "b"], Literal["a"], False),
        (list[int], Sequence[float], True),
        (list[KerasModel], Sequence[Model], True),
        (list[str], Sequence[int], False),
        (str, Sequence[str], False),
        (tuple[int, ...], Sequence[int], True),
        (tuple[int, str], tuple[int, str], True),
        (tuple[int, str], tuple[int, ...], False),
        (tuple[int, int], tuple[int, ...], True),
        (dict[str, int], Mapping[str, float], True),
        (dict[str, str], dict[str, int], False),
        (Annotated[int, Field(ge=1)], int, True),
        (Any, int, True),
        (date, object, True),
        (date, str, False),
    ],
)
def test_fits(actual: Hint, expected: Hint, answer: bool) -> None:
    assert fits(actual, expected) is answer


@pytest.mark.parametrize(
    ("left", "right", "ordered", "answer"),
    [
        (int, float, True, True),
        (float, str, True, False),
        (date, date, True, True),
        (Colour, Colour, True, False),
        (Colour, Colour, False, True),
        (Colour, str, False, False),
        (int | None, int, True, False),
        (int | None, int, False, True),
        (bool, int, False, True),
    ],
)
def test_comparable(left: Hint, right: Hint, ordered: bool, answer: bool) -> None:
    assert comparable(left, right, ordered=ordered) is answer


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (Model | None, "Model | None"),
        (Union[int, str], "int | str"),  # noqa: UP007
        (Sequence[Model], "Sequence[Model]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Literal["a"], "Literal['a']"),
        (Annotated[int, Field(ge=1)], "int"),
        (dict[str, float], "dict[str, float]"),
        (None, "None"),
    ],
)
def test_describe(hint: Hint, text: str) -> None:
    assert describe(hint) == text


def test_artifact_hints() -> None:
    def what(hint: Hint) -> tuple[type, bool, bool] | None:
        found = artifact_hint(hint)
        return (found.kind, found.many, found.optional) if found else None

    assert what(Model) == (Model, False, False)
    assert what(Model | None) == (Model, False, True)
    assert what(Sequence[Examples]) == (Examples, True, False)
    assert what(list[Examples] | None) == (Examples, True, True)
    assert what(A) == (Model, False, False)
    assert what(dict[str, Model]) is None
    assert what(type[Model]) is None
    assert what(int) is None


def test_substitute() -> None:
    assert substitute(list[A], {A: KerasModel}) == list[KerasModel]
    assert substitute(A | None, {A: KerasModel}) == KerasModel | None
    assert substitute(A, {}) is Model
