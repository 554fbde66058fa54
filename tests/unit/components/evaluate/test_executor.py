"""Whole evaluations: what is judged how, and what is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_model_analysis as tfma

from pipeline_components.errors import (
    EvalConfigError,
    LabelValueError,
    NonFinitePredictionError,
    UnknownColumnError,
    UnknownMetricError,
    UnknownSplitError,
    UnusableModelError,
)
from pipeline_components.evaluate import Bound, Metric, Slice, Verdict, evaluate
from pipeline_lib import Examples, Model

COUNT = Metric("example_count")


def reasons(verdict: Verdict) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((verdict.blessing.path / "reasons.json").read_text())["reasons"]
    return found


def test_a_good_model_is_blessed(examples: Examples, good: Model, poor: Model, space: Path) -> None:
    verdict = evaluate.run(
        [examples],
        good,
        poor,
        label="late",
        metrics=(Metric("auc", at_least=0.6, better_than_baseline_by=0.01), COUNT),
        slices=("hour", ("city", "hour")),
        min_slice_size=150,
    )
    assert verdict.blessing.blessed
    assert verdict.blessing.outcome == "blessed"
    assert (verdict.blessing.path / "BLESSED").exists()
    assert verdict.blessing.current_model == good.uri
    assert verdict.blessing.baseline_model_id == poor.id
    assert reasons(verdict) == []
    report = (verdict.evaluation.path / "report.html").read_text()
    assert "<h1>Blessed</h1>" in report
    assert "city=Malmö, hour=3" in report
    assert "lower than the minimum" in report
    assert "://" not in report


def test_a_missed_bound_is_named(examples: Examples, good: Model, poor: Model, space: Path) -> None:
    auc = Metric(
        "auc",
        at_least=0.99,
        better_than_baseline_by=-0.01,
        per_slice=(Bound(on="hour", better_than_baseline_by=0.01),),
    )
    verdict = evaluate.run([examples], poor, good, label="late", metrics=(auc,))
    assert not verdict.blessing.blessed
    assert verdict.blessing.outcome == "threshold_missed"
    assert (verdict.blessing.path / "NOT_BLESSED").exists()
    assert not (verdict.blessing.path / "BLESSED").exists()
    found = {(reason["slice"], reason["kind"], reason["bound"]) for reason in reasons(verdict)}
    assert ("all rows", "too_low", 0.99) in found
    assert ("all rows", "worse_than_baseline", -0.01) in found
    assert {name for name, _, bound in found if bound == 0.01} == {f"hour={hour}" for hour in range(4)}


def test_too_little_data_is_an_outcome_of_its_own(examples: Examples, good: Model, space: Path) -> None:
    auc = Metric(
        "auc", at_least=0.5, per_slice=(Bound(on=Slice(where={"city": "Oslo", "hour": 99}), at_least=0.5),)
    )
    verdict = evaluate.run([examples], good, label="late", metrics=(auc,))
    assert not verdict.blessing.blessed
    assert verdict.blessing.outcome == "not_enough_data"
    assert [reason["kind"] for reason in reasons(verdict)] == ["no_such_slice"]


def test_no_rows_at_all_are_too_little_data(
    table: pa.Table, make_examples: Callable[[pa.Table], Examples], good: Model, space: Path
) -> None:
    verdict = evaluate.run(
        [make_examples(table.slice(0, 0))], good, label="late", metrics=(Metric("auc", at_least=0.5),)
    )
    assert verdict.blessing.outcome == "not_enough_data"


def test_without_bounds_nothing_is_judged(examples: Examples, good: Model, space: Path) -> None:
    verdict = evaluate.run([examples], good, label="late", metrics=(COUNT,))
    assert not verdict.blessing.blessed
    assert verdict.blessing.outcome == "no_thresholds"


def test_without_a_baseline_the_stamp_is_noted(examples: Examples, good: Model, space: Path) -> None:
    auc = Metric("auc", at_least=0.5, better_than_baseline_by=0.01)
    verdict = evaluate.run([examples], good, label="late", metrics=(auc,))
    assert verdict.blessing.blessed
    assert json.loads((verdict.blessing.path / "reasons.json").read_text())["rubber_stamp"]
    assert "no baseline" in (verdict.evaluation.path / "report.html").read_text()


def test_tfx_configurations_are_taken(examples: Examples, good: Model, poor: Model, space: Path) -> None:
    text = """
        model_specs { label_key: "late" }
        slicing_specs {}
        slicing_specs { feature_keys: "hour" }
        metrics_specs { metrics { class_name: "BinaryAccuracy" threshold {
            value_threshold { lower_bound { value: 0.5 } }
            change_threshold { direction: HIGHER_IS_BETTER absolute { value: -1e-10 } } } } }
    """
    verdict = evaluate.run([examples], good, poor, eval_config=text)
    assert verdict.blessing.blessed
    result = tfma.load_eval_result(str(verdict.evaluation.path), model_name="candidate")
    assert len(result.slicing_metrics) == 5


def test_weights_and_regression(examples: Examples, good: Model, space: Path) -> None:
    metrics = (
        Metric("rmse", at_most=30.0),
        Metric("mse", at_most=1.0),
        COUNT,
        Metric("WeightedExampleCount"),
    )
    verdict = evaluate.run([examples], good, label="minutes", weight="weight", metrics=metrics)
    assert [(reason["metric"], reason["kind"]) for reason in reasons(verdict)] == [
        ("mean_squared_error", "too_high")
    ]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        pytest.param({"label": "lat"}, UnknownColumnError, r"'lat' \(label\)", id="label"),
        pytest.param({"slices": ("hours",)}, UnknownColumnError, r"'hours' \(slice\)", id="slice"),
        pytest.param({"weight": "weigt"}, UnknownColumnError, r"'weigt' \(weight\)", id="weight"),
        pytest.param({"metrics": (Metric("acu"),)}, UnknownMetricError, "did you mean 'AUC'", id="metric"),
        pytest.param({"splits": ("evil",)}, UnknownSplitError, "did you mean 'eval'", id="split"),
        pytest.param({"label": None}, EvalConfigError, "no label is named", id="no label"),
        pytest.param({"eval_config": "metrics {"}, EvalConfigError, "not a tfma.EvalConfig", id="text"),
        pytest.param({"signature": "serve"}, UnusableModelError, "no signature 'serve'", id="signature"),
        pytest.param({"prediction_key": "p"}, UnusableModelError, "no output 'p'", id="output"),
        pytest.param({"label": "city"}, LabelValueError, "have no label", id="label missing"),
        pytest.param({"label": "minutes"}, LabelValueError, "outside 0 to 1", id="label range"),
        pytest.param(
            {"label": "city", "drop_unlabelled": True}, LabelValueError, "not a number", id="label is text"
        ),
    ],
)
def test_errors_name_what_is_wrong(
    examples: Examples, good: Model, space: Path, options: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        evaluate.run([examples], good, **{"label": "late", **options})


def test_an_input_that_the_examples_lack(
    table: pa.Table, make_examples: Callable[[pa.Table], Examples], good: Model, space: Path
) -> None:
    with pytest.raises(UnknownColumnError, match="no column 'signal'"):
        evaluate.run([make_examples(table.drop(["signal"]))], good, label="late")


def test_predictions_that_are_no_numbers(
    examples: Examples, make_model: Callable[..., Model], space: Path
) -> None:
    blind = make_model(signal=1.0, hour=0.3, missing=float("nan"))
    with pytest.raises(NonFinitePredictionError, match="candidate predicts NaN"):
        evaluate.run([examples], blind, label="late")


def test_rows_without_a_label_can_be_left_out(
    table: pa.Table, make_examples: Callable[[pa.Table], Examples], good: Model, space: Path
) -> None:
    labels = pa.array(table["late"].to_pylist(), mask=np.arange(len(table)) % 4 == 0)
    partly = table.set_column(table.schema.get_field_index("late"), "late", labels)
    count = Metric("example_count", at_least=1500.0, at_most=1500.0)
    verdict = evaluate.run(
        [make_examples(partly)], good, label="late", metrics=(count,), drop_unlabelled=True
    )
    assert verdict.blessing.blessed


def test_a_small_slice_that_a_bound_is_for_is_too_little_data(
    examples: Examples, good: Model, space: Path
) -> None:
    auc = Metric("auc", at_least=0.5, per_slice=(Bound(on="hour", at_least=0.5),))
    verdict = evaluate.run([examples], good, label="late", metrics=(auc,), min_slice_size=500)
    assert verdict.blessing.outcome == "not_enough_data"
    assert {reason["kind"] for reason in reasons(verdict)} == {"metric_not_found"}
    assert 0 < len(reasons(verdict)) < 4


def test_multi_class_metrics(examples: Examples, make_classifier: Callable[[], Model], space: Path) -> None:
    metrics = (
        Metric("SparseCategoricalAccuracy", at_least=0.9),
        Metric("AUC", class_ids=(0, 1, 2), at_least=0.9),
        Metric("Precision", class_ids=(0, 1, 2), average="macro"),
        Metric("MultiClassConfusionMatrixPlot"),
    )
    verdict = evaluate.run([examples], make_classifier(), label="kind", metrics=metrics, slices=("hour",))
    assert reasons(verdict) == []
    assert verdict.blessing.blessed
    assert "auc (classId:1)" in (verdict.evaluation.path / "report.html").read_text()


def test_confidence_intervals_reach_the_report(
    table: pa.Table, make_examples: Callable[[pa.Table], Examples], good: Model, space: Path
) -> None:
    few = make_examples(table.slice(0, 300))
    verdict = evaluate.run(
        [few], good, label="late", metrics=(Metric("auc", at_least=0.5),), confidence="jackknife"
    )
    assert verdict.blessing.blessed
    assert 'class="range"' in (verdict.evaluation.path / "report.html").read_text()


def test_lists_cannot_be_sliced_by(
    table: pa.Table, make_examples: Callable[[pa.Table], Examples], good: Model, space: Path
) -> None:
    lists = table.append_column("tags", pa.array([["a"]] * len(table)))
    with pytest.raises(UnknownColumnError, match="'tags' holds list"):
        evaluate.run([make_examples(lists)], good, label="late", slices=("tags",))
