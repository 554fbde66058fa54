"""The page that people read: verdict first, every number, nothing from the network."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline_components.evaluate._report import write_report
from pipeline_components.evaluate._results import SliceRow, Value, slice_name
from pipeline_components.evaluate._verdict import Finding, Outcome, Reason

MISSED = Reason(
    slice="hour=3", metric="auc", kind="too_low", value=0.61, bound=0.7, detail="auc is 0.61 <low> (hour=3)"
)


def row(name: str, auc: float, *, error: str = "") -> SliceRow:
    if error:
        return SliceRow(name=name, key=(), candidate={}, baseline={}, differences={}, error=error)
    return SliceRow(
        name=name,
        key=(),
        candidate={"auc": Value(auc, auc - 0.01, auc + 0.01), "example_count": Value(1200.0)},
        baseline={"auc": Value(0.7), "example_count": Value(1200.0)},
        differences={"auc": Value(auc - 0.7), "example_count": Value(0.0)},
    )


def page(tmp_path: Path, outcome: Outcome, rows: Sequence[SliceRow], *reasons: Reason) -> str:
    found = Finding(outcome=outcome, rubber_stamp=outcome == "blessed", reasons=reasons)
    file = tmp_path / "report.html"
    write_report(file, found, rows, directions={"auc": True}, model="/m/1", baseline="/m/0")
    return file.read_text(encoding="utf-8")


ROWS = (row("all rows", 0.75), row("hour=2", 0.8), row("hour=10", 0.6), row("hour=11", 0.0, error="too few"))


def test_the_verdict_comes_first_and_text_is_escaped(tmp_path: Path) -> None:
    text = page(tmp_path, "threshold_missed", ROWS, MISSED)
    assert text.index("Not blessed: a bound is missed") < text.index("auc is 0.61") < text.index("All rows")
    assert "&lt;low&gt;" in text


def test_better_and_worse_are_told_apart(tmp_path: Path) -> None:
    text = page(tmp_path, "blessed", ROWS)
    assert re.search(r'class="better">\+0\.1<', text)
    assert re.search(r'class="worse">-0\.1<', text)
    assert "0.74 to 0.76" in text
    assert "no baseline" in text
    assert "too few" in text


def test_slices_are_drawn_lowest_first(tmp_path: Path) -> None:
    drawing = re.search(r"<svg.*?</svg>", page(tmp_path, "blessed", ROWS), re.DOTALL)
    assert drawing is not None
    assert drawing[0].index("hour=10") < drawing[0].index("hour=2<")


def test_it_needs_no_network(tmp_path: Path) -> None:
    text = page(tmp_path, "blessed", ROWS)
    assert re.findall(r"""(?:src|href)=|url\(|://|@import""", text) == []


@pytest.mark.parametrize("outcome", ["blessed", "threshold_missed", "not_enough_data", "no_thresholds"])
def test_there_may_be_no_rows(tmp_path: Path, outcome: Outcome) -> None:
    assert "no rows were evaluated" in page(tmp_path, outcome, ())


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ((), "all rows"),
        ((("hour", 3),), "hour=3"),
        ((("city", "Oslo"), ("hour", 3)), "city=Oslo, hour=3"),
        (((), (("hour", 3),)), "all rows against hour=3"),
        (((("a", 1),), (("a", 2), ("b", "x"))), "a=1 against a=2, b=x"),
    ],
)
def test_slices_are_named_as_people_write_them(key: tuple[object, ...], name: str) -> None:
    assert slice_name(key) == name
