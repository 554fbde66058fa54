"""`report.html`: the verdict, its reasons and every number, in one file that needs no network."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from pipeline_components.evaluate._results import SliceRow, Value
from pipeline_components.evaluate._verdict import ALL_ROWS, Finding

COUNTS = ("example_count", "weighted_example_count")
_CHART_SLICES = 40
_LEFT, _RIGHT, _STEP = 240, 840, 22

_HEADLINES = {
    "blessed": ("good", "Blessed", "Every bound is met."),
    "threshold_missed": ("bad", "Not blessed: a bound is missed", "The reasons are below."),
    "not_enough_data": (
        "wait",
        "Not blessed: not enough data",
        "No bound is missed, but some could not be checked.",
    ),
    "no_thresholds": (
        "wait",
        "Not blessed: nothing was demanded",
        "No metric has a bound, so nothing was judged.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric over all rows, as shown."""

    metric: str
    candidate: str
    interval: str
    baseline: str
    difference: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One metric of one slice, as shown."""

    shown: str
    sort: str
    difference: str
    tone: str


def write_report(
    file: Path,
    found: Finding,
    rows: Sequence[SliceRow],
    *,
    directions: Mapping[str, bool],
    model: str,
    baseline: str | None,
) -> None:
    """Write the report.

    Args:
        file: Where to.
        found: The verdict.
        rows: Metrics by slice, all rows first.
        directions: Whether higher is better, for metrics that have a better direction.
        model: The candidate's uri.
        baseline: The baseline's uri.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    overall = [row for row in rows if row.name == ALL_ROWS]
    slices = [row for row in rows if row.name != ALL_ROWS]
    columns = sorted(
        {name for row in rows for name in row.candidate}, key=lambda name: (name not in COUNTS, name)
    )
    tone, headline, explanation = _HEADLINES[found.outcome]
    if found.rubber_stamp:
        explanation += " There was no baseline, so bounds against it were not checked."
    text = environment.get_template("report.html.j2").render(
        verdict={"tone": tone, "headline": headline, "explanation": explanation},
        reasons=[asdict(reason) for reason in found.reasons],
        overall=[_row(name, row, directions) for row in overall for name in columns if name in row.candidate],
        compared=baseline is not None,
        chart=_chart(_charted(columns, found, directions), overall, slices),
        columns=columns,
        slices=[
            {
                "name": row.name,
                "error": row.error,
                "cells": [_cell(name, row, directions) for name in columns],
            }
            for row in slices
        ],
        model=model,
        baseline=baseline,
    )
    file.write_text(text, encoding="utf-8")


def _row(metric: str, row: SliceRow, directions: Mapping[str, bool]) -> Row:
    mine, theirs = row.candidate[metric], row.baseline.get(metric)
    difference = row.differences.get(metric)
    interval = "" if mine.low is None or mine.high is None else f"{_shown(mine.low)} to {_shown(mine.high)}"
    return Row(
        metric=metric,
        candidate=_shown(mine.value),
        interval=interval,
        baseline=_shown(theirs.value) if theirs else "",
        difference="" if metric in COUNTS else _signed(difference),
        tone=_tone(metric, difference, directions),
    )


def _cell(metric: str, row: SliceRow, directions: Mapping[str, bool]) -> Cell:
    mine, difference = row.candidate.get(metric), row.differences.get(metric)
    return Cell(
        shown=_shown(mine.value) if mine else "",
        sort=repr(mine.value) if mine else "NaN",
        difference="" if metric in COUNTS else _signed(difference),
        tone=_tone(metric, difference, directions),
    )


def _charted(columns: Sequence[str], found: Finding, directions: Mapping[str, bool]) -> str | None:
    """The metric to draw: the first that failed, else the first that has a better direction."""
    failed = [reason.metric for reason in found.reasons if reason.metric in columns]
    directed = [name for name in ("auc", *columns) if name in columns and name in directions]
    return next(iter([*failed, *directed]), None)


def _chart(
    metric: str | None, overall: Sequence[SliceRow], slices: Sequence[SliceRow]
) -> dict[str, Any] | None:
    drawn = [row for row in slices if metric in row.candidate]
    if metric is None or len(drawn) < 2 or not overall or metric not in overall[0].candidate:
        return None
    drawn.sort(key=lambda row: row.candidate[metric].value)
    left_out = len(drawn) - _CHART_SLICES
    drawn = drawn[:_CHART_SLICES]
    everything = [overall[0], *drawn]
    values = [row.candidate[metric].value for row in everything]
    values += [row.baseline[metric].value for row in everything if metric in row.baseline]
    low, high = min(values), max(values)
    scale = (_RIGHT - _LEFT) / ((high - low) or 1.0)

    def x(value: float) -> float:
        return round(_LEFT + (value - low) * scale, 1)

    dots = [
        {
            "name": row.name if len(row.name) <= 34 else row.name[:33] + "…",
            "title": f"{row.name}: {_shown(row.candidate[metric].value)}",
            "y": 16 + place * _STEP,
            "candidate": x(row.candidate[metric].value),
            "baseline": x(row.baseline[metric].value) if metric in row.baseline else None,
        }
        for place, row in enumerate(drawn)
    ]
    return {
        "metric": metric,
        "left_out": max(left_out, 0),
        "height": 16 + len(dots) * _STEP + 22,
        "overall": x(overall[0].candidate[metric].value),
        "low": _shown(low),
        "high": _shown(high),
        "dots": dots,
    }


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() and abs(value) > 1 else f"{value:.4g}"


def _signed(difference: Value | None) -> str:
    return "" if difference is None else f"{difference.value:+.4g}"


def _tone(metric: str, difference: Value | None, directions: Mapping[str, bool]) -> str:
    if difference is None or difference.value == 0 or metric not in directions:
        return ""
    return "better" if (difference.value > 0) == directions[metric] else "worse"
