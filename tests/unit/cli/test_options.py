"""Values of options that several commands share."""

from datetime import date

import pytest

from pipeline_lib.cli.options import date_range, parameter_texts
from pipeline_lib.errors import RunParameterError


def test_parameters_may_hold_equals_signs() -> None:
    assert parameter_texts(["day=2013-06-01", "query=a=b", "empty="]) == {
        "day": "2013-06-01",
        "query": "a=b",
        "empty": "",
    }
    assert parameter_texts(None) == {}


@pytest.mark.parametrize("text", ["day", "=3", ""])
def test_a_parameter_needs_a_name_and_a_value(text: str) -> None:
    with pytest.raises(RunParameterError, match="is no run parameter"):
        parameter_texts([text])


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(RunParameterError, match="day is given twice"):
        parameter_texts(["day=1", "day=2"])


def test_a_range_holds_both_ends_and_leap_days() -> None:
    assert list(date_range("2024-02-28:2024-03-01")) == [
        date(2024, 2, 28),
        date(2024, 2, 29),
        date(2024, 3, 1),
    ]
    assert list(date_range("2013-06-01")) == [date(2013, 6, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [("June", "no range of days"), ("2013-06-02:2013-06-01", "ends before it starts"), (":", "no range")],
)
def test_what_is_no_range_is_refused(text: str, message: str) -> None:
    with pytest.raises(RunParameterError, match=message):
        list(date_range(text))
