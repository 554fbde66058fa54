"""Patterns: what they match, which span a path says, and what is refused."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_components.errors import PatternError
from pipeline_components.ingest.patterns import parse_pattern
from pipeline_lib.spans import span_of_date

DAY = span_of_date(date(2013, 1, 31))


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        pytest.param("/d/{SPAN}/x.csv", "/d/12/x.csv", (12, 0), id="span"),
        pytest.param("/d/{SPAN}/x.csv", "/d/007/x.csv", (7, 0), id="span-padded-without-width"),
        pytest.param("/d/{SPAN:3}.csv", "/d/007.csv", (7, 0), id="span-of-width"),
        pytest.param("/d/{SPAN:3}.csv", "/d/7.csv", None, id="span-of-other-width"),
        pytest.param("/d/{SPAN}/v{VERSION}/*.csv", "/d/3/v2/a.csv", (3, 2), id="version"),
        pytest.param("/d/{YYYY}-{MM}-{DD}.csv", "/d/2013-01-31.csv", (DAY, 0), id="date"),
        pytest.param("/d/{DD}{MM}{YYYY}.csv", "/d/31012013.csv", (DAY, 0), id="date-in-any-order"),
        pytest.param("/d/{YYYY}-{MM}-{DD}.csv", "/d/2013-02-30.csv", None, id="no-such-date"),
        pytest.param("/d/**/{SPAN}.csv", "/d/a/b/4.csv", (4, 0), id="folders"),
        pytest.param("/d/[ab]{SPAN}.c?v", "/d/b4.csv", (4, 0), id="glob-signs"),
        pytest.param("/d/[!ab]{SPAN}.csv", "/d/b4.csv", None, id="none-of-a-set"),
        pytest.param("/d/[!ab]{SPAN}.csv", "/d/c4.csv", (4, 0), id="another-than-a-set"),
        pytest.param("/d/[[]{SPAN}].csv", "/d/[4].csv", (4, 0), id="a-bracket-itself"),
        pytest.param("/d/[*]{SPAN}.csv", "/d/*4.csv", (4, 0), id="a-star-itself"),
        pytest.param("/d/a.csv", "/d/axcsv", None, id="a-dot-is-a-dot"),
        pytest.param("/d/*.csv", "/d/e/f.csv", None, id="star-stays-in-its-folder"),
    ],
)
def test_match(pattern: str, path: str, found: tuple[int, int] | None) -> None:
    assert parse_pattern(pattern).match(path) == found


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("{SPAM}.csv", "unknown {SPAM}"),
        ("{SPAN}/{SPAN}.csv", "twice"),
        ("{YYYY}-{MM}.csv", "needs {DD} too"),
        ("{YYYY}-{MM}-{DD}/{SPAN}.csv", "exclude each other"),
        ("{VERSION}.csv", "needs a span"),
        ("{SPAN:0}.csv", "no such width"),
        ("{SPAN:x}.csv", "no such width"),
        ("{YYYY:4}-{MM}-{DD}.csv", "no such width"),
    ],
)
def test_refused(pattern: str, why: str) -> None:
    with pytest.raises(PatternError, match=re.escape(why)):
        parse_pattern(pattern)


@given(st.dates(min_value=date(1000, 1, 1)), st.integers(0, 99))
def test_what_a_glob_names_is_matched(day: date, version: int) -> None:
    pattern = parse_pattern("/d/{YYYY}/{MM}-{DD}-{VERSION:2}.csv")
    span = span_of_date(day)
    assert pattern.match(pattern.glob(span=span, version=version)) == (span, version)


def test_unknown_parts_become_stars() -> None:
    assert parse_pattern("/d/{SPAN}-{VERSION:2}.csv").glob(span=7) == "/d/*-*.csv"
