"""The TFMA configuration: made from our criteria, or taken from a user's text proto."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import tensorflow_model_analysis as tfma
from google.protobuf import text_format
from tensorflow_model_analysis.api import model_eval_lib
from tensorflow_model_analysis.metrics import metric_specs

from pipeline_components.errors import EvalConfigError, MetricBoundError
from pipeline_components.evaluate._metric_names import higher_is_better, metric_class
from pipeline_components.evaluate.criteria import (
    Bound,
    Confidence,
    CrossSlice,
    Metric,
    Slice,
    SliceLike,
    as_slice,
)

CANDIDATE = "candidate"
BASELINE = "baseline"
PREDICTION = "prediction:"
"""Prefix of the columns that hold predictions: no column of a table can be meant by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything TFMA needs to know.

    Attributes:
        config: The configuration with TFMA's defaults filled in, as it is written beside the results.
        models: TFMA's placeholders for the models, candidate first; its writers ask for them.
        asked: The configuration before baseline and change thresholds were dropped for want of a baseline.
    """

    config: tfma.EvalConfig
    models: tuple[tfma.EvalSharedModel, ...]
    asked: tfma.EvalConfig

    @property
    def candidate_spec(self) -> tfma.ModelSpec:
        """The candidate's label, weight and prediction columns."""
        return next(spec for spec in self.config.model_specs if not spec.is_baseline)


def from_criteria(
    metrics: Sequence[Metric],
    slices: Sequence[SliceLike | CrossSlice],
    *,
    min_slice_size: int,
    confidence: Confidence,
) -> tfma.EvalConfig:
    """The configuration that our own parameters mean, without models.

    Raises:
        UnknownMetricError: A metric's name is unknown.
        MetricBoundError: A metric compared with the baseline has no better direction.
    """
    options = tfma.Options()
    if min_slice_size > 1:
        options.min_slice_size.value = min_slice_size
    if confidence != "none":
        methods = tfma.ConfidenceIntervalOptions
        options.compute_confidence_intervals.value = True
        options.confidence_intervals.method = (
            methods.JACKKNIFE if confidence == "jackknife" else methods.POISSON_BOOTSTRAP
        )
    single = [as_slice(each) for each in slices if not isinstance(each, CrossSlice)]
    bounded = [as_slice(bound.on) for metric in metrics for bound in metric.per_slice]
    config = tfma.EvalConfig(options=options)
    for spec in _unique(_slicing_spec(each) for each in [Slice(), *single, *bounded]):
        config.slicing_specs.append(spec)
    for cross in (each for each in slices if isinstance(each, CrossSlice)):
        config.cross_slicing_specs.add(
            baseline_spec=_slicing_spec(cross.baseline),
            slicing_specs=[_slicing_spec(each) for each in cross.compared],
        )
    for metric in metrics:
        config.metrics_specs.append(_metrics_spec(metric))
    return config


def from_text(text: str) -> tfma.EvalConfig:
    """Parse a user's `tfma.EvalConfig` text proto.

    Raises:
        EvalConfigError: It does not parse, has more than two models, or several outputs.
    """
    try:
        config = text_format.Parse(text, tfma.EvalConfig())
    except text_format.ParseError as error:
        raise EvalConfigError(
            f"eval_config is not a tfma.EvalConfig: {error}", fix="see tfma.EvalConfig for its fields"
        ) from error
    candidates = [spec for spec in config.model_specs if not spec.is_baseline]
    if len(candidates) > 1 or len(config.model_specs) - len(candidates) > 1:
        raise EvalConfigError(
            "eval_config has more than a candidate and a baseline",
            got=", ".join(spec.name or "(no name)" for spec in config.model_specs),
            fix="keep one model_spec, and at most one with is_baseline",
        )
    if any(spec.label_keys or spec.prediction_keys for spec in config.model_specs):
        raise EvalConfigError(
            "eval_config describes a model with several outputs",
            fix="evaluate one output at a time: label_key and prediction_key",
        )
    return config


def judgement(config: tfma.EvalConfig, *, label: str, weight: str | None, has_baseline: bool) -> Judgement:
    """Complete a configuration with the models' columns and TFMA's defaults.

    Args:
        config: What to measure.
        label: Column of the labels.
        weight: Column of the weights.
        has_baseline: Whether there is a baseline; without one, bounds against it are dropped and the
            result says `rubber_stamp`.
    """
    asked = tfma.EvalConfig()
    asked.CopyFrom(config)
    names = {spec.is_baseline: spec.name for spec in config.model_specs}
    del asked.model_specs[:]
    for is_baseline, fallback in ((False, CANDIDATE), (True, BASELINE)):
        name = names.get(is_baseline) or fallback
        asked.model_specs.add(
            name=name,
            label_key=label,
            example_weight_key=weight or "",
            prediction_key=PREDICTION + name,
            is_baseline=is_baseline,
        )
    models = tuple(
        tfma.EvalSharedModel(
            model_name=spec.name, model_type="materialized_prediction", rubber_stamp=not has_baseline
        )
        for spec in asked.model_specs
        if has_baseline or not spec.is_baseline
    )
    complete = model_eval_lib._update_eval_config_with_defaults(asked, list(models))
    return Judgement(config=complete, models=models, asked=asked)


def has_thresholds(config: tfma.EvalConfig) -> bool:
    """Whether anything in the configuration could fail a model."""
    return any(
        spec.thresholds
        or spec.per_slice_thresholds
        or spec.cross_slice_thresholds
        or any(
            metric.HasField("threshold") or metric.per_slice_thresholds or metric.cross_slice_thresholds
            for metric in spec.metrics
        )
        for spec in config.metrics_specs
    )


def has_change_thresholds(config: tfma.EvalConfig) -> bool:
    """Whether anything in the configuration compares the model with a baseline."""
    found: list[tfma.MetricThreshold] = []
    for spec in config.metrics_specs:
        found += spec.thresholds.values()
        found += [each.threshold for part in spec.per_slice_thresholds.values() for each in part.thresholds]
        found += [each.threshold for part in spec.cross_slice_thresholds.values() for each in part.thresholds]
        for metric in spec.metrics:
            found += [metric.threshold] if metric.HasField("threshold") else []
            found += [
                each.threshold for each in (*metric.per_slice_thresholds, *metric.cross_slice_thresholds)
            ]
    return any(threshold.HasField("change_threshold") for threshold in found)


def directions(config: tfma.EvalConfig) -> dict[str, bool]:
    """Whether higher is better, by TFMA's name of the metric; those without a direction are left out."""
    found = {}
    for _, metric, instance in metric_specs.keys_and_metrics_from_specs(config, config.metrics_specs):
        higher = higher_is_better(metric.class_name)
        if higher is not None:
            found[instance.name] = higher
    return found


def _metrics_spec(metric: Metric) -> tfma.MetricsSpec:
    class_name = metric_class(metric.name)
    config = tfma.MetricConfig(class_name=class_name)
    if metric.options:
        config.config = json.dumps(dict(metric.options))
    overall = Bound(
        on=Slice(),
        at_least=metric.at_least,
        at_most=metric.at_most,
        better_than_baseline_by=metric.better_than_baseline_by,
        better_than_baseline_by_ratio=metric.better_than_baseline_by_ratio,
    )
    for bound in (overall, *metric.per_slice):
        threshold = _threshold(bound, metric, class_name)
        if threshold is not None:
            config.per_slice_thresholds.add(
                slicing_specs=[_slicing_spec(as_slice(bound.on))], threshold=threshold
            )
        elif bound is not overall:
            raise MetricBoundError(
                f"a bound of metric {metric.name!r} on {bound.on!r} demands nothing",
                fix="give at_least, at_most or better_than_baseline_by",
            )
    spec = tfma.MetricsSpec(metrics=[config])
    if metric.class_ids and metric.average != "macro":
        spec.binarize.class_ids.values.extend(metric.class_ids)
    if metric.average == "micro":
        spec.aggregate.micro_average = True
    if metric.average == "macro":
        _macro(spec, metric)
    return spec


def _macro(spec: tfma.MetricsSpec, metric: Metric) -> None:
    if not metric.class_ids:
        raise MetricBoundError(
            f"metric {metric.name!r} is averaged over classes, but none are named",
            fix="give class_ids=(0, 1, ...)",
        )
    spec.aggregate.macro_average = True
    for class_id in metric.class_ids:
        spec.aggregate.class_weights[class_id] = 1.0


def _threshold(bound: Bound, metric: Metric, class_name: str) -> tfma.MetricThreshold | None:
    threshold = tfma.MetricThreshold()
    if bound.at_least is not None:
        threshold.value_threshold.lower_bound.value = bound.at_least
    if bound.at_most is not None:
        threshold.value_threshold.upper_bound.value = bound.at_most
    gains = (bound.better_than_baseline_by, bound.better_than_baseline_by_ratio)
    if any(gain is not None for gain in gains):
        higher = metric.higher_is_better
        higher = higher_is_better(class_name) if higher is None else higher
        if higher is None:
            raise MetricBoundError(
                f"metric {metric.name!r} is compared with the baseline, but no direction of it is better",
                fix="give higher_is_better=True or False, or use at_least and at_most",
            )
        change = threshold.change_threshold
        directions = tfma.MetricDirection
        change.direction = directions.HIGHER_IS_BETTER if higher else directions.LOWER_IS_BETTER
        absolute, relative = gains
        if absolute is not None:
            change.absolute.value = absolute if higher else -absolute
        if relative is not None:
            change.relative.value = relative if higher else -relative
    return threshold if threshold.ByteSize() else None


def _slicing_spec(each: Slice) -> tfma.SlicingSpec:
    return tfma.SlicingSpec(
        feature_keys=list(each.columns),
        feature_values={name: str(value) for name, value in each.where.items()},
    )


def _unique(specs: Iterable[tfma.SlicingSpec]) -> list[tfma.SlicingSpec]:
    found: list[tfma.SlicingSpec] = []
    for spec in specs:
        if spec not in found:
            found.append(spec)
    return found
