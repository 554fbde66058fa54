"""Metrics per slice with their bounds, as the store keeps them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline_components.evaluate import Bound, CrossSlice, Metric, Slice, _recorded, evaluate
from pipeline_components.evaluate._results import Value
from pipeline_lib import Examples, Model, ModelEvaluation
from pipeline_lib.hashing import canonical_json

COUNT = Metric("example_count")


def by_slice(evaluation: ModelEvaluation) -> dict[str, dict[str, Any]]:
    return {record["slice"]: record for record in evaluation.slice_metrics}


def test_a_metric_that_is_no_number_is_left_out() -> None:
    values = {
        "auc": Value(value=0.5),
        "calibration": Value(value=float("inf")),
        "loss": Value(value=float("nan")),
    }
    assert _recorded.finite(values) == {"auc": 0.5}


def test_each_slice_has_its_metrics_and_bounds(
    examples: Examples, good: Model, poor: Model, space: Path
) -> None:
    auc = Metric(
        "auc",
        at_least=0.99,
        better_than_baseline_by=-0.01,
        better_than_baseline_by_ratio=-0.02,
        per_slice=(
            Bound(on="hour", better_than_baseline_by=-0.9),
            Bound(on=Slice(where={"city": "Bergen"}), at_least=0.5),
        ),
    )
    found = by_slice(evaluate.run([examples], good, poor, label="late", metrics=(auc, COUNT)).evaluation)
    overall = found["all rows"]
    assert overall["metrics"]["example_count"] == {"value": 2000.0, "baseline": 2000.0, "difference": 0.0}
    assert overall["metrics"]["auc"]["difference"] > 0.1
    assert overall["bounds"] == [
        {"metric": "auc", "of": "value", "at_least": 0.99, "met": False},
        {"metric": "auc", "of": "difference", "at_least": -0.01, "ratio_at_least": -0.02, "met": True},
    ]
    assert found["hour=3"]["bounds"] == [{"metric": "auc", "of": "difference", "at_least": -0.9, "met": True}]
    assert found["city=Bergen"] == {
        "slice": "city=Bergen",
        "metrics": {},
        "bounds": [],
        "error": "no rows in city=Bergen",
    }


def test_slices_too_small_to_be_judged_say_so(examples: Examples, good: Model, space: Path) -> None:
    auc = Metric("auc", per_slice=(Bound(on=("city", "hour"), at_least=0.5),))
    evaluation = evaluate.run(
        [examples], good, label="late", metrics=(auc, COUNT), min_slice_size=170
    ).evaluation
    unjudged = [record for record in evaluation.slice_metrics if "error" in record]
    assert unjudged
    assert all(record["metrics"] == {} for record in unjudged)
    assert {bound["met"] for record in unjudged for bound in record["bounds"]} == {None}


def test_classes_averages_and_comparisons_are_found_by_the_names_shown(
    examples: Examples, make_classifier: Callable[[], Model], space: Path
) -> None:
    """The bound of a metric of one class must meet that class's value, whatever TFMA calls it."""
    metrics = (
        Metric("auc", at_least=0.9, class_ids=(0, 1)),
        Metric("precision", at_least=1.5, class_ids=(0, 1, 2), average="macro"),
        COUNT,
    )
    evaluation = evaluate.run(
        [examples],
        make_classifier(),
        label="kind",
        metrics=metrics,
        slices=("city", CrossSlice(compared=(Slice(where={"city": "Oslo"}),))),
    ).evaluation
    found = by_slice(evaluation)
    overall = found["all rows"]
    assert {(bound["metric"], bound["met"]) for bound in overall["bounds"]} == {
        ("auc (classId:0)", True),
        ("auc (classId:1)", True),
        ("precision (macro_average)", False),
    }
    assert {bound["metric"] for bound in overall["bounds"]} <= set(overall["metrics"])
    assert "difference" not in found["city=Oslo"]["metrics"]["example_count"]
    assert found["all rows against city=Oslo"]["bounds"] == []


def test_the_record_is_bounded_and_keeps_what_was_missed(
    examples: Examples, good: Model, space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_recorded, "MOST_SLICES", 3)
    auc = Metric("auc", at_least=0.5, per_slice=(Bound(on=Slice(where={"hour": 2}), at_least=0.99),))
    evaluation = evaluate.run(
        [examples], good, label="late", metrics=(auc, COUNT), slices=("hour", "city")
    ).evaluation
    kept = [record["slice"] for record in evaluation.slice_metrics]
    assert kept[0] == "all rows"
    assert "hour=2" in kept
    assert len(kept) == 3
    assert evaluation.slices_left_out == 4
    monkeypatch.setattr(_recorded, "MOST_BYTES", 400)
    smaller = evaluate.run([examples], good, label="late", metrics=(auc, COUNT), slices=("hour",)).evaluation
    assert len(canonical_json(smaller.slice_metrics)) <= 400
