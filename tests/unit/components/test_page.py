"""Numbers and bars of reports."""

import math

import pytest

from pipeline_components.page import bars, number, percent, render


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (3.0, "3"),
        (0.123456, "0.1235"),
        (1234.5678, "1,234.57"),
        (1e20, "1e+20"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_not_nothing_never_reads_zero() -> None:
    assert [percent(share) for share in (0, 1e-9, 0.25, 1)] == ["0 %", "< 0.1 %", "25 %", "100 %"]


def test_small_bars_stay_visible_and_none_leaves_the_picture() -> None:
    shapes = bars({"a": 1_000_000, "b": 1, "c": 0}, width=30, height=40)
    assert [shape["h"] for shape in shapes] == [40, 1.0, 0.0]
    assert all(shape["x"] + shape["w"] <= 30 and shape["y"] + shape["h"] <= 40 for shape in shapes)
    assert bars({}) == []


def test_pages_escape_values_and_load_nothing() -> None:
    page = render("<p>{{ text }}</p>", title="<t>", text="<script>")
    assert "<p>&lt;script&gt;</p>" in page
    assert "<title>&lt;t&gt;</title>" in page
    assert "default-src 'none'" in page
