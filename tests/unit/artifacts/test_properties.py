from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.artifacts.properties import PropertyKind, from_json, property_specs, to_json
from pipeline_lib.errors import PropertyDeclarationError, PropertyTypeError

HINTS = {
    "count": int,
    "rate": float,
    "name": str,
    "ok": bool,
    "day": date,
    "splits": list[str],
    "rows": dict[str, int],
    "maybe": int | None,
}
SPECS = property_specs("Sample", HINTS, defaults={})
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "count": st.integers(),
        "rate": st.floats(allow_nan=False),
        "name": st.text(),
        "ok": st.booleans(),
        "day": st.dates(),
        "splits": st.lists(st.text()),
        "rows": st.dictionaries(st.text(), st.integers()),
        "maybe": st.integers(),
    },
)


@given(VALUES)
def test_values_survive_json(values: dict[str, Any]) -> None:
    assert from_json(SPECS, to_json(values)) == values


def test_dates_are_iso_text_and_none_is_absent() -> None:
    assert to_json({"day": date(2013, 1, 2), "maybe": None}) == {"day": "2013-01-02"}


def test_a_name_that_the_type_no_longer_has_is_left_out() -> None:
    assert from_json(SPECS, {"gone": 1, "count": 2}) == {"count": 2}


@pytest.mark.parametrize(
    "value", [pytest.param({"day": "yesterday"}, id="date"), pytest.param({"count": "1"}, id="int")]
)
def test_another_type_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(PropertyTypeError, match="cannot be"):
        from_json(SPECS, value)


@pytest.mark.parametrize(
    ("name", "given_value", "kept"),
    [("rate", 1, 1.0), ("splits", ("a",), ["a"]), ("maybe", None, None)],
)
def test_a_value_is_kept_as_declared(name: str, given_value: Any, kept: Any) -> None:
    found = SPECS[name].check(given_value, owner="Sample")
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(("name", "value"), [("count", True), ("rate", True), ("ok", 1), ("count", None)])
def test_a_bool_is_no_number_and_none_is_no_value(name: str, value: Any) -> None:
    with pytest.raises(PropertyTypeError, match=f"Sample.{name} cannot be"):
        SPECS[name].check(value, owner="Sample")


@pytest.mark.parametrize(
    ("name", "value", "needs"),
    [
        ("count", 2**63, "64 bits"),
        ("maybe", -(2**63) - 1, "64 bits"),
        ("rate", float("nan"), "finite"),
        ("rate", float("-inf"), "finite"),
        ("name", "\udcff", "Unicode"),
        ("splits", ["\udcff"], "Unicode"),
        ("rows", {"a": {"b": float("inf")}}, "finite"),
        ("rows", {"a": {1, 2}}, "lists"),
        ("rows", {1: 1}, "string keys"),
    ],
)
def test_what_no_store_can_hold_is_refused_but_not_where_it_is_read(
    name: str, value: Any, needs: str
) -> None:
    """Stored as JSON, NaN would be None to who reads it, and a set a list."""
    with pytest.raises(PropertyTypeError, match=needs):
        SPECS[name].check(value, owner="Sample")
    assert SPECS[name].typed(value, owner="Sample") is value


def test_kinds_follow_annotations() -> None:
    assert SPECS["maybe"].kind is PropertyKind.INT
    assert SPECS["maybe"].optional
    assert SPECS["rows"].kind is PropertyKind.JSON


def test_what_may_be_none_has_no_other_default() -> None:
    """None is stored as absent, and would come back as the default."""
    with pytest.raises(PropertyDeclarationError, match="may be None, and has the default 3"):
        property_specs("Sample", {"odd": int | None}, defaults={"odd": 3})
    assert property_specs("Sample", {"even": int | None}, defaults={"even": None})["even"].optional


@pytest.mark.parametrize("hint", [bytes, object, int | str, set[int]])
def test_what_cannot_be_queried_cannot_be_declared(hint: Any) -> None:
    with pytest.raises(PropertyDeclarationError, match=r"Sample\.odd has a type that cannot be a property"):
        property_specs("Sample", {"odd": hint}, defaults={})
