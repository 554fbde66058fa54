"""From criteria to TFMA's configuration: which bound becomes which threshold."""

import pytest
import tensorflow_model_analysis as tfma

from pipeline_components.errors import EvalConfigError, MetricBoundError, UnknownMetricError
from pipeline_components.evaluate import Bound, Metric, Slice
from pipeline_components.evaluate._config import (
    directions,
    from_criteria,
    from_text,
    has_change_thresholds,
    has_thresholds,
    judgement,
)
from pipeline_components.evaluate._metric_names import metric_class


def config(*metrics: Metric, slices: tuple[str, ...] = ()) -> tfma.EvalConfig:
    return from_criteria(metrics, slices, min_slice_size=1, confidence="none")


def test_a_bound_is_for_all_rows_unless_it_names_slices() -> None:
    made = config(Metric("auc", at_least=0.6, per_slice=(Bound(on="origin", at_least=0.5),)))
    overall, by_origin = made.metrics_specs[0].metrics[0].per_slice_thresholds
    assert list(overall.slicing_specs) == [tfma.SlicingSpec()]
    assert list(by_origin.slicing_specs) == [tfma.SlicingSpec(feature_keys=["origin"])]
    assert by_origin.threshold.value_threshold.lower_bound.value == 0.5
    assert tfma.SlicingSpec(feature_keys=["origin"]) in made.slicing_specs


@pytest.mark.parametrize(
    ("metric", "direction", "absolute"),
    [
        pytest.param(Metric("auc", better_than_baseline_by=-0.01), "HIGHER_IS_BETTER", -0.01, id="score"),
        pytest.param(Metric("mse", better_than_baseline_by=-0.01), "LOWER_IS_BETTER", 0.01, id="error"),
        pytest.param(
            Metric("calibration", better_than_baseline_by=0.1, higher_is_better=False),
            "LOWER_IS_BETTER",
            -0.1,
            id="told",
        ),
    ],
)
def test_better_means_what_it_means_for_the_metric(metric: Metric, direction: str, absolute: float) -> None:
    change = config(metric).metrics_specs[0].metrics[0].per_slice_thresholds[0].threshold.change_threshold
    assert tfma.MetricDirection.Name(change.direction) == direction
    assert change.absolute.value == pytest.approx(absolute)


def test_no_direction_is_an_error() -> None:
    with pytest.raises(MetricBoundError, match="'calibration' is compared with the baseline"):
        config(Metric("calibration", better_than_baseline_by=0.1))


def test_an_empty_bound_is_an_error() -> None:
    with pytest.raises(MetricBoundError, match="demands nothing"):
        config(Metric("auc", per_slice=(Bound(on=Slice(columns=("a",))),)))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("AUC", "AUC"),
        ("auc", "AUC"),
        ("example_count", "ExampleCount"),
        ("rmse", "RootMeanSquaredError"),
        ("fpr", "FPR"),
        ("sparse_categorical_accuracy", "SparseCategoricalAccuracy"),
    ],
)
def test_metrics_have_usual_names(name: str, found: str) -> None:
    assert metric_class(name) == found


def test_unknown_metrics_have_a_suggestion() -> None:
    with pytest.raises(UnknownMetricError, match="no metric 'binary_acuracy'") as error:
        metric_class("binary_acuracy")
    assert "BinaryAccuracy" in error.value.fix


def test_without_a_baseline_only_values_are_checked() -> None:
    asked = config(Metric("auc", at_least=0.6, better_than_baseline_by=0.0))
    judged = judgement(asked, label="late", weight=None, has_baseline=False)
    assert has_change_thresholds(judged.asked)
    assert not has_change_thresholds(judged.config)
    assert has_thresholds(judged.config)
    assert len(judged.config.model_specs) == 1


def test_directions_go_by_the_names_in_results() -> None:
    assert directions(config(Metric("auc"), Metric("mse"), Metric("calibration"))) == {
        "auc": True,
        "mean_squared_error": False,
    }


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("model_specs { name: 'a' } model_specs { name: 'b' }", "more than a candidate and a baseline"),
        ("model_specs { label_keys { key: 'a' value: 'b' } }", "several outputs"),
        ("metric_specs {}", "not a tfma.EvalConfig"),
    ],
)
def test_configurations_that_do_not_fit(text: str, match: str) -> None:
    with pytest.raises(EvalConfigError, match=match):
        from_text(text)
