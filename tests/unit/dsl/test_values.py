"""Python values as plain JSON of the plan, and back."""

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from pipeline_lib.dsl.hints import Hint
from pipeline_lib.dsl.values import NoJsonFormError, NotFittingError, adapter, constant, from_json, infer
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import Limits, Size, Tuning

VALUES: list[tuple[Any, Hint, Any]] = [
    (date(2013, 1, 5), date, "2013-01-05"),
    (Size.LARGE, Size, "large"),
    (Tuning(lr=0.5, size=Size.LARGE), Tuning, {"lr": 0.5, "size": "large"}),
    (Limits(auc=0.7), Limits, {"auc": 0.7}),
    (("a", "b"), tuple[str, ...], ["a", "b"]),
    ({"a": 1.5}, dict[str, float], {"a": 1.5}),
    (None, int | None, None),
    ("fast", Literal["fast", "slow"], "fast"),
    (3, Annotated[int, Field(ge=1)], 3),
]


@pytest.mark.parametrize(("value", "hint", "plain"), VALUES, ids=lambda value: repr(value)[:30])
def test_there_and_back(value: Any, hint: Hint, plain: Any) -> None:
    assert constant(value, hint) == plain
    assert from_json(plain, hint) == value


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("3", int),
        (3.5, int),
        ("2013-01-05", date),
        ("large", Size),
        ({"lr": 1.0}, Tuning),
        (0, Annotated[int, Field(ge=1)]),
    ],
)
def test_no_silent_conversion(value: Any, hint: Hint) -> None:
    with pytest.raises(NotFittingError, match=type(value).__name__):
        constant(value, hint)


@given(
    st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3), st.lists, max_leaves=8)
)
def test_plain_values_are_kept(value: Any) -> None:
    assert from_json(constant(value, Any), Any) == value


@pytest.mark.parametrize(
    ("value", "fix"),
    [
        (float("nan"), "pass finite"),
        ([1.0, float("inf")], "pass finite"),
        ({"a": "\udcff"}, "pass Unicode"),
        (b"\xff", "pass what JSON can hold"),
        ({"a", "b"}, "declare a list or tuple"),
        ({"in": [frozenset("ab")]}, "declare a list or tuple"),
        ([object()], "pass what JSON can hold"),
    ],
)
def test_what_has_no_json_text_does_not_fit(value: Any, fix: str) -> None:
    with pytest.raises(NotFittingError) as caught:
        constant(value, type(value))
    assert caught.value.detail.startswith(fix)


def test_types_without_json() -> None:
    class Opaque:
        pass

    with pytest.raises(NoJsonFormError, match="Opaque"):
        adapter(Opaque)


def test_inferred() -> None:
    assert infer(3) == (ex.Constant(value=3), int)
    assert infer(("a", "b")) == (ex.Constant(value=["a", "b"]), list[str])
    assert infer([1, 2.5]) == (ex.Constant(value=[1, 2.5]), list[float])
