"""Parity: what our kernels and TFMA's own evaluator make of the same rows, value by value."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow_model_analysis as tfma

from pipeline_components.evaluate import Bound, CrossSlice, Metric, Slice, _batches, _config, _evaluator

ROWS = 160
BINARY = (
    "ExampleCount",
    "WeightedExampleCount",
    "BinaryAccuracy",
    "AUC",
    "AUCPrecisionRecall",
    "Precision",
    "Recall",
    "F1Score",
    "FPR",
    "Calibration",
    "MeanLabel",
    "MeanPrediction",
)
REGRESSION = (
    "MeanSquaredError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "MeanLabel",
    "MeanPrediction",
)
SLICES = ("hour", ("city", "hour"), Slice(columns=("city",), where={"hour": 3}))
CROSS = CrossSlice(baseline=Slice(), compared=(Slice(columns=("hour",)),))


def batches(*, regression: bool = False, fractional: bool = False) -> list[_batches.Scored]:
    random = np.random.default_rng(3)
    hour = random.integers(0, 4, ROWS)
    labels = (random.random(ROWS) < 0.2 + 0.1 * hour).astype(np.int64)
    candidate = np.clip(0.3 * labels + 0.7 * random.random(ROWS), 0, 1).astype(np.float32)
    if regression:
        labels = np.round(random.normal(20, 9, ROWS)).astype(np.float32).clip(0)
        candidate = (labels + random.normal(size=ROWS)).astype(np.float32).clip(0)
    if fractional:
        labels = random.random(ROWS).astype(np.float32)
    candidate[:4] = [0.0, 1.0, 0.5, 0.25]  # on the edges of buckets and thresholds
    baseline = random.random(ROWS).astype(np.float32)
    city = np.array(["Malmö", "b", None], object)[random.integers(0, 3, ROWS)]
    weights = random.random(ROWS).astype(np.float32)
    return [
        _batches.Scored(
            labels=labels[rows],
            weights=weights[rows],
            predictions={"candidate": candidate[rows], "baseline": baseline[rows]},
            features={
                "hour": _batches.encode(pa.array(hour[rows])),
                "city": _batches.encode(pa.array(city[rows].tolist(), pa.string())),
            },
        )
        for rows in (slice(0, 70), slice(70, 100), slice(100, ROWS))
    ]


def judged(
    metrics: Sequence[Metric],
    *,
    weighted: bool,
    has_baseline: bool = True,
    min_slice_size: int = 1,
    slices: Sequence[Any] = ("hour",),
) -> _config.Judgement:
    config = _config.from_criteria(metrics, slices, min_slice_size=min_slice_size, confidence="none")
    return _config.judgement(
        config, label="label", weight="weight" if weighted else None, has_baseline=has_baseline
    )


def ours(rows: list[_batches.Scored], judgement: _config.Judgement, out: Path) -> Any:
    with beam.Pipeline(runner="apache_beam.runners.portability.fn_api_runner.FnApiRunner") as root:
        scored = root | beam.Create(rows)
        _ = _evaluator.evaluation(scored, judgement) | tfma.WriteResults(writers(judgement, out))
    return written(judgement, out)


def theirs(rows: list[_batches.Scored], judgement: _config.Judgement, out: Path) -> Any:
    """TFMA's public entry point, which knows nothing of ours."""
    as_extracts = beam.ParDo(_evaluator.AsExtracts(judgement.candidate_spec))
    with beam.Pipeline(runner="apache_beam.runners.portability.fn_api_runner.FnApiRunner") as root:
        _ = (
            root
            | beam.Create(rows)
            | as_extracts.with_output_types(tfma.types.Extracts)
            | tfma.ExtractEvaluateAndWriteResults(
                eval_config=judgement.asked, eval_shared_model=list(judgement.models), output_path=str(out)
            )
        )
    return written(judgement, out)


def writers(judgement: _config.Judgement, out: Path) -> Any:
    return tfma.default_writers(
        str(out), eval_config=judgement.config, eval_shared_model=list(judgement.models)
    )


def written(judgement: _config.Judgement, out: Path) -> Any:
    values = {}
    for spec in judgement.config.model_specs:
        for key, outputs in tfma.load_eval_result(str(out), model_name=spec.name).slicing_metrics:
            for name, value in outputs[""][""].items():
                values[spec.name, key, name] = value
    return values, tfma.load_validation_result(str(out))


def assert_equal(mine: dict[Any, Any], stock: dict[Any, Any], *, tolerance: float) -> None:
    assert mine.keys() == stock.keys()
    different = []
    for key, value in stock.items():
        if "doubleValue" not in value:
            same = mine[key] == value
        else:
            a, b = float(mine[key]["doubleValue"]), float(value["doubleValue"])
            same = (math.isnan(a) and math.isnan(b)) or math.isclose(
                a, b, rel_tol=tolerance, abs_tol=tolerance
            )
        if not same:
            different.append((key, mine[key], value))
    assert different == []


def in_order(result: Any) -> Any:
    """A validation with its slices in one order; Beam promises none."""
    ordered = type(result)()
    ordered.CopyFrom(result)
    del ordered.metric_validations_per_slice[:]
    found = sorted(
        result.metric_validations_per_slice, key=lambda each: each.SerializeToString(deterministic=True)
    )
    for each in found:
        each.failures.sort(key=lambda failure: failure.metric_key.SerializeToString(deterministic=True))
    ordered.metric_validations_per_slice.extend(found)
    ordered.validation_details.slicing_details.sort(
        key=lambda each: each.slicing_spec.SerializeToString(deterministic=True)
    )
    return ordered


BOUNDS = (
    Metric("AUC", at_least=0.9, per_slice=(Bound(on="hour", at_least=0.85, better_than_baseline_by=0.45),)),
    Metric("Calibration", at_most=1.01),
    Metric("ExampleCount", per_slice=(Bound(on=Slice(where={"city": "nowhere"}), at_least=1),)),
    *(Metric(name) for name in BINARY if name not in {"AUC", "Calibration", "ExampleCount"}),
)


def test_binary_metrics_bounds_and_cross_slices(tmp_path: Path) -> None:
    judgement = judged(BOUNDS, weighted=True, slices=[*SLICES, CROSS])
    mine, my_verdict = ours(batches(), judgement, tmp_path / "mine")
    stock, stock_verdict = theirs(batches(), judgement, tmp_path / "stock")
    assert len(stock) > 250
    assert_equal(mine, stock, tolerance=1e-12)
    mine_in_order, stock_in_order = in_order(my_verdict), in_order(stock_verdict)
    assert not stock_verdict.validation_ok
    assert len(stock_verdict.metric_validations_per_slice) > 2
    assert [each.slice_key for each in mine_in_order.metric_validations_per_slice] == [
        each.slice_key for each in stock_in_order.metric_validations_per_slice
    ]
    assert my_verdict.missing_slices == stock_verdict.missing_slices


def test_binary_metrics_without_weights_and_baseline(tmp_path: Path) -> None:
    judgement = judged([Metric(name) for name in BINARY], weighted=False, has_baseline=False, slices=())
    mine, _ = ours(batches(), judgement, tmp_path / "mine")
    stock, _ = theirs(batches(), judgement, tmp_path / "stock")
    assert_equal(mine, stock, tolerance=1e-12)


def test_regression_metrics(tmp_path: Path) -> None:
    judgement = judged([Metric(name) for name in REGRESSION], weighted=True, has_baseline=False)
    rows = batches(regression=True)
    mine, _ = ours(rows, judgement, tmp_path / "mine")
    stock, _ = theirs(rows, judgement, tmp_path / "stock")
    assert_equal(mine, stock, tolerance=2e-6)  # TFMA subtracts in float32


def test_fractional_labels(tmp_path: Path) -> None:
    judgement = judged([Metric(name) for name in BINARY], weighted=True, has_baseline=False, slices=())
    rows = batches(fractional=True)
    mine, _ = ours(rows, judgement, tmp_path / "mine")
    stock, _ = theirs(rows, judgement, tmp_path / "stock")
    assert_equal(mine, stock, tolerance=1e-6)  # TFMA divides weights in float32


def test_both_halves_together_and_small_slices(tmp_path: Path) -> None:
    """SquaredPearsonCorrelation has no kernel: it comes from stock TFMA, into the same results."""
    metrics = [Metric(name) for name in ("ExampleCount", "AUC", "SquaredPearsonCorrelation")]
    judgement = judged(metrics, weighted=False, min_slice_size=40, has_baseline=False)
    fast, slow = _evaluator.divide(judgement.config)
    assert [metric.class_name for spec in fast.metrics_specs for metric in spec.metrics] == [
        "ExampleCount",
        "AUC",
    ]
    assert [metric.class_name for spec in slow.metrics_specs for metric in spec.metrics] == [
        "SquaredPearsonCorrelation"
    ]
    mine, _ = ours(batches(), judgement, tmp_path / "mine")
    stock, _ = theirs(batches(), judgement, tmp_path / "stock")
    assert any("__ERROR__" in name for _, _, name in stock)
    assert_equal(mine, stock, tolerance=1e-12)


def test_small_slices_are_hidden_in_cross_slices_too(tmp_path: Path) -> None:
    judgement = judged(
        [Metric("AUC")], weighted=False, min_slice_size=40, slices=("hour", CROSS), has_baseline=False
    )
    mine, _ = ours(batches(), judgement, tmp_path)
    hidden = {key for _, key, name in mine if "__ERROR__" in name}
    assert {key for key in hidden if key and key[0] == ()} == {
        ((), key) for key in hidden if key and key[0] != ()
    }
    assert hidden


def test_every_binary_and_regression_metric_is_ours() -> None:
    for names in (BINARY, REGRESSION):
        _, slow = _evaluator.divide(judged([Metric(name) for name in names], weighted=True).config)
        assert [metric.class_name for spec in slow.metrics_specs for metric in spec.metrics] == []


def test_confidence_intervals_are_stock() -> None:
    config = _config.from_criteria([Metric("AUC")], [], min_slice_size=1, confidence="jackknife")
    fast, slow = _evaluator.divide(
        _config.judgement(config, label="l", weight=None, has_baseline=False).config
    )
    assert len(fast.metrics_specs) == 0
    assert len(slow.metrics_specs) == 1
