"""`evaluate`: measure a model on examples, compare it with a baseline, and bless it or say why not."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline_components.evaluate.criteria import (
    DEFAULT_METRICS,
    Confidence,
    CrossSlice,
    Metric,
    Slice,
)
from pipeline_lib import Cache, Examples, Model, ModelBlessing, ModelEvaluation, Schema, component


class Verdict(NamedTuple):
    """What an evaluation puts out."""

    evaluation: ModelEvaluation
    blessing: ModelBlessing


@component(cache=Cache(depends_on=("report.html.j2",)))
def evaluate(
    examples: Sequence[Examples],
    model: Model,
    baseline: Model | None = None,
    schema: Schema | None = None,
    *,
    label: str | None = None,
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    slices: Sequence[str | tuple[str, ...] | Slice | CrossSlice] = (),
    weight: str | None = None,
    splits: Sequence[str] = ("eval",),
    eval_config: str | None = None,
    min_slice_size: int = 1,
    confidence: Confidence = "none",
    prediction_key: str | None = None,
    signature: str | None = None,
    drop_unlabelled: bool = False,
) -> Verdict:
    """Measure a model with TensorFlow Model Analysis and judge it.

    Every row is predicted in batches, by candidate and baseline in one pass, through the SavedModels'
    `columns` signature (raw columns, or `serving_default` on tf.Examples if a model has no such one).
    Metrics that are vectorised here (counts, calibration, AUC, confusion matrices, mean errors) are summed
    with numpy; all others, and confidence intervals, are TFMA's own code. Results are TFMA's files, for its
    viewers.

    The blessing's outcome is `blessed`; `threshold_missed`; `not_enough_data` if no bound is missed but some
    slice had too few rows to be judged; or `no_thresholds`. Only the first is blessed. Without a baseline,
    bounds against it are not checked, and `reasons.json` says `rubber_stamp`.

    Args:
        examples: Raw examples of one or more spans.
        model: The candidate.
        baseline: The model to compare with, usually `latest_blessed(Model)`.
        schema: The examples' schema; gives TFMA the bounds of some plots.
        label: Column of the labels: a raw column, or a transformed feature of the candidate.
        metrics: What to measure and to demand.
        slices: Rows to measure on their own: a column, a tuple of columns, a `Slice` or a `CrossSlice`.
        weight: Column of the examples' weights; a missing weight counts as 0.
        splits: The examples' splits to use.
        eval_config: A `tfma.EvalConfig` as text, instead of `metrics`, `slices`, `min_slice_size` and
            `confidence`. There, as in TFX, a metric's `threshold` holds for every slice.
        min_slice_size: Slices of fewer rows are not shown and not judged.
        confidence: Confidence intervals at 95 %: by jackknife (some 6 times slower) or Poisson bootstrap
            (some 11 times slower).
        prediction_key: Output of the signature that holds predictions, if there are several.
        signature: Signature to predict with.
        drop_unlabelled: Leave rows without a label out, instead of refusing them.

    Returns:
        TFMA's results with `report.html`, and the blessing with `reasons.json`.

    Raises:
        UnknownColumnError: The examples lack the label, the weight, a slice or an input of a model.
        UnknownMetricError: There is no such metric.
        MetricBoundError: A bound cannot be checked.
        EvalConfigError: `eval_config` does not parse, or no label is named.
        UnusableModelError: A model has no SavedModel or no signature that fits.
        NonFinitePredictionError: A model predicts NaN or an infinity.
        UnknownSplitError: The examples have no such split.
        LabelValueError: Labels are missing, are text, or lie outside 0 to 1 for a binary metric.
    """
    from pipeline_components.evaluate import _executor

    request = _executor.Request(
        label=label,
        metrics=metrics,
        slices=slices,
        weight=weight,
        splits=splits,
        eval_config=eval_config,
        min_slice_size=min_slice_size,
        confidence=confidence,
        prediction_key=prediction_key,
        signature=signature,
        drop_unlabelled=drop_unlabelled,
    )
    return Verdict(*_executor.run(examples, model, baseline, schema, request))
