"""Run parameters against their schemas."""

from typing import Any

import pytest

from pipeline_lib.errors import RunParameterError
from pipeline_lib.plan.models import CodeRef, Plan, RunParameter
from pipeline_lib.runtime.parameters import bind, from_text, span_of

PLAN = Plan(
    name="p",
    code=CodeRef(module="m", qualname="f"),
    span_parameter="day",
    parameters=(
        RunParameter(name="day", schema={"type": "string", "format": "date"}, required=True),
        RunParameter(name="window", schema={"type": "integer", "minimum": 1}, default=7),
        RunParameter(name="size", schema={"enum": ["S", "L"], "type": "string"}, default="S"),
        RunParameter(name="regions", schema={"type": "array", "items": {"type": "string"}}, default=[]),
        RunParameter(name="rate", schema={"type": "number"}, default=0.1),
        RunParameter(name="weights", schema={"type": "object"}, default={}),
    ),
    nodes=(),
)


def test_defaults_are_filled_in() -> None:
    assert bind(PLAN, {"day": "2013-06-01"}) == {
        "day": "2013-06-01",
        "window": 7,
        "size": "S",
        "regions": [],
        "rate": 0.1,
        "weights": {},
    }


def test_text_is_read_by_the_schema() -> None:
    given = from_text(PLAN, {"day": "2013-06-01", "window": "3", "regions": "[EWR, JFK]"})
    assert given == {"day": "2013-06-01", "window": 3, "regions": ["EWR", "JFK"]}


@pytest.mark.parametrize("text", ["1e-3", "1E-3", ".1e-2", "+0.001", "10.e-4"])
def test_a_number_may_have_an_exponent(text: str) -> None:
    """In YAML 1.1 1e-3 is a text."""
    given = from_text(PLAN, {"day": "2013-06-01", "rate": text, "weights": f"{{a: {text}, b: 2e1x}}"})
    found = bind(PLAN, given)
    assert (found["rate"], found["weights"]) == (
        pytest.approx(0.001),
        {"a": pytest.approx(0.001), "b": "2e1x"},
    )


def test_the_span_is_the_span_parameter() -> None:
    assert span_of(PLAN, {"day": "2013-06-01"}) == "2013-06-01"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({}, "p needs day", id="missing"),
        pytest.param({"day": "2013-06-01", "windw": 3}, "did you mean window", id="unknown"),
        pytest.param({"day": "yesterday"}, "a date, YYYY-MM-DD", id="no-date"),
        pytest.param({"day": "2013-02-30"}, "a date, YYYY-MM-DD", id="no-such-day"),
        pytest.param({"day": "20130601"}, "a date, YYYY-MM-DD", id="other-iso-date"),
        pytest.param({"day": "2013-W22-6"}, "a date, YYYY-MM-DD", id="iso-week"),
        pytest.param({"day": "2013-06-01", "window": 7.0}, "write 7", id="a-float-that-is-whole"),
        pytest.param({"day": "2013-06-01", "rate": float("nan")}, "finite numbers", id="nan"),
        pytest.param({"day": "2013-06-01", "weights": {"a": [1e999]}}, "finite numbers", id="inf-inside"),
        pytest.param({"day": "2013-06-01", "weights": {1: 2}}, "texts as keys", id="number-as-key"),
        pytest.param({"day": "2013-06-01", "regions": ["\udcff"]}, "Unicode text", id="no-utf-8"),
        pytest.param({"day": "2013-06-01", "window": 0}, "bigger than or equal to 1", id="out-of-range"),
        pytest.param({"day": "2013-06-01", "window": "7"}, "integer", id="wrong-type"),
        pytest.param({"day": "2013-06-01", "size": "M"}, "one of", id="enum"),
        pytest.param({"day": "2013-06-01", "regions": [1]}, r"p\.regions\.0 cannot be 1", id="inside-a-list"),
    ],
)
def test_wrong_values_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RunParameterError, match=message):
        bind(PLAN, given)


def test_unreadable_text_is_refused() -> None:
    with pytest.raises(RunParameterError, match=r"p\.regions cannot be read"):
        from_text(PLAN, {"regions": "[a, b"})
