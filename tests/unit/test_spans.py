from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.spans import date_of_span, span_of_date


def test_the_first_span_is_the_first_day_of_1970() -> None:
    assert (span_of_date(date(1970, 1, 1)), span_of_date(date(2013, 6, 14))) == (0, 15_870)


@given(st.dates())
def test_dates_and_spans_are_one_to_one(day: date) -> None:
    assert date_of_span(span_of_date(day)) == day


def test_a_span_beyond_the_calendar_is_no_day() -> None:
    with pytest.raises(OverflowError, match="out of range"):
        date_of_span(10_000_000)
