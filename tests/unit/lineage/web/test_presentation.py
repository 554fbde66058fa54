"""How values read on pages."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from jinja2 import UndefinedError

from pipeline_lib.lineage.web.presentation import (
    airflow_path,
    bounds_text,
    figure,
    given,
    make_environment,
    moment,
    place,
    pretty,
    query_of,
    segment,
    short_digest,
    side,
    slice_bounds,
    without,
)


def test_times_are_told_in_utc() -> None:
    east = datetime(2026, 11, 21, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert ">2026-11-21 07:30:00<" in moment(east)
    assert moment(None) == ""
    assert moment(datetime(2026, 1, 1, tzinfo=UTC)).startswith('<time datetime="2026-01-01T00:00:00+00:00"')


def test_a_digest_is_short_and_there_as_a_whole() -> None:
    assert '>aaaaaaaaaaaa<span class="rest">' in short_digest("a" * 64)
    assert short_digest("<b>") == "<code>&lt;b&gt;</code>"


@pytest.mark.parametrize("value", ["<b>", {"<b>": 1}, ["<b>"] * 100, "<b>" * 100, {"a": {"<b>": "<b>"}}])
def test_values_are_escaped_short_or_long(value: object) -> None:
    assert "<b>" not in pretty(value)
    assert "<b>" not in side(value)


def test_nothing_is_said_as_such() -> None:
    assert "nothing" in side(None)
    hashes = side(f"{'a' * 64}, {'b' * 64}")
    assert hashes.count("<code") == 2
    assert "<details" not in hashes
    assert pretty([]) == "empty"
    assert given({"b": 1, "a": None, "c": []}) == {"b": 1}


def test_addresses_hold_what_they_are_given_and_no_more() -> None:
    assert segment("a/../b?c#d") == "a%2F..%2Fb%3Fc%23d"
    assert query_of({"a": "1 2", "b": ""}, b=None, c="&") == "?a=1+2&c=%26"
    assert query_of({}) == ""
    assert airflow_path({"url": "https://airflow/dags/a"}) == "https://airflow/dags/a"
    assert airflow_path({"url": "javascript:alert(1)"}) == airflow_path({}) == ""


def test_names_are_shortened_where_the_rest_is_known() -> None:
    assert without("flights.manual__1", "flights") == "manual__1"
    assert without("flights", "flights") == "flights"
    assert place("/a/b/c/d/e/f") == "…/c/d/e/f"


@pytest.mark.parametrize(
    ("value", "text"), [(3161.0, "3,161"), (0.80849, "0.8085"), (None, ""), ("NaN", "NaN"), (True, "True")]
)
def test_figures_have_the_digits_that_count(value: object, text: str) -> None:
    assert figure(value) == text


def test_bounds_are_told_in_words() -> None:
    threshold = {"name": "auc", "at_least": 0.6, "at_most": None, "better_than_baseline_by": -0.02}
    assert bounds_text(threshold) == "at least 0.6, better than baseline by -0.02"


def test_a_name_that_a_template_lacks_is_an_error_and_every_template_compiles() -> None:
    environment = make_environment()
    for name in environment.list_templates():
        environment.get_template(name)
    with pytest.raises(UndefinedError, match="nothing"):
        environment.from_string("{{ nothing }}").render()


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ("origin", "each origin: at least 0.5"),
        (["origin", "hour"], "each origin, hour: at least 0.5"),
        ({"columns": [], "where": {"city": "Oslo", "hour": 5}}, "city Oslo, hour 5: at least 0.5"),
        ({"columns": ["hour"], "where": {"city": "Oslo"}}, "each hour of city Oslo: at least 0.5"),
        ({}, "all rows: at least 0.5"),
    ],
)
def test_bounds_on_slices_are_told_in_words(on: object, told: str) -> None:
    assert slice_bounds([{"on": on, "at_least": 0.5, "at_most": None}]) == [told]


def test_what_another_tool_recorded_as_bounds_is_shown_as_it_is() -> None:
    assert slice_bounds([3, "x"]) == ["3", "x"]
    assert slice_bounds("x") == ["x"]
