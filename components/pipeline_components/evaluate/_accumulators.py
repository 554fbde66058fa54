"""TFMA's accumulators filled for all rows and slices of a batch at once.

Each kernel stands for one of TFMA's combiners: it sums what that combiner sums, by slice, with numpy, and
hands the sums back to the combiner for its `extract_output`. TFMA's derived metrics then run unchanged. Only
configurations with a parity test against TFMA have a kernel; `kernel_for` gives None for the rest.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from tensorflow_model_analysis.contrib.aggregates import binary_confusion_matrices as matrices
from tensorflow_model_analysis.metrics import binary_confusion_matrices as confusion
from tensorflow_model_analysis.metrics import calibration, calibration_histogram, example_count, metric_types
from tensorflow_model_analysis.metrics import mean_regression_error as regression

from pipeline_components.evaluate._batches import Floats, Ints
from pipeline_components.evaluate._merging import stock_kind


@dataclass(frozen=True, slots=True)
class Histogram:
    """A sparse histogram: sums for the buckets that have rows.

    Attributes:
        buckets: Shape (k,), ascending, without repetition.
        sums: Shape (quantities, k).
    """

    buckets: Ints
    sums: Floats

    def __add__(self, other: Self) -> "Histogram":
        both = np.concatenate([self.buckets, other.buckets])
        buckets, place = np.unique(both, return_inverse=True)
        sums = np.concatenate([self.sums, other.sums], axis=1)
        return Histogram(buckets, np.stack([np.bincount(place, row, len(buckets)) for row in sums]))


State = Any
"""What a kernel sums for one slice: a float64 array or a `Histogram`; two of one kernel add up with `+`."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a combiner reads of a batch: one model's predictions with their labels and weights.

    Attributes:
        labels: Shape (rows,).
        predictions: Shape (rows,).
        weights: Shape (rows,); ones where a metric is not weighted.
        slices: Shape (rows,): the slice of each row.
        count: Number of slices.
    """

    labels: Floats
    predictions: Floats
    weights: Floats
    slices: Ints
    count: int

    def total(self, values: Floats | None = None) -> Floats:
        """Sum of values by slice, shape (count,); without values, the number of rows."""
        return np.bincount(self.slices, values, self.count).astype(np.float64)


class Kernel(Protocol):
    """One combiner of TFMA, vectorised."""

    @property
    def combiner(self) -> Any:
        """TFMA's."""

    def sums(self, rows: Rows) -> Sequence[State]:
        """Additive state for each slice."""

    def result(self, state: Any) -> metric_types.MetricsDict:
        """What the combiner makes of the sums over all batches."""


@dataclass(frozen=True)
class CountKernel:
    """ExampleCount, WeightedExampleCount."""

    combiner: Any

    def sums(self, rows: Rows) -> Sequence[State]:
        """Sum of weights."""
        return list(rows.total(rows.weights)[:, np.newaxis])

    def result(self, state: Floats) -> metric_types.MetricsDict:
        """The sum as TFMA's accumulator."""
        return self.combiner.extract_output(float(state[0]))


@dataclass(frozen=True)
class TotalsKernel:
    """Calibration, MeanLabel, MeanPrediction."""

    combiner: Any

    def sums(self, rows: Rows) -> Sequence[State]:
        """Weighted labels, weighted predictions, weights."""
        weights = rows.weights
        quantities = (rows.labels * weights, rows.predictions * weights, weights)
        return list(np.stack([rows.total(quantity) for quantity in quantities], axis=1))

    def result(self, state: Floats) -> metric_types.MetricsDict:
        """The sums as TFMA's accumulator."""
        totals = self.combiner.create_accumulator()
        totals.total_weighted_labels, totals.total_weighted_predictions, totals.total_weighted_examples = map(
            float, state
        )
        return self.combiner.extract_output(totals)


@dataclass(frozen=True)
class HistogramKernel:
    """AUC and whatever else TFMA derives from its histogram of predictions."""

    combiner: Any

    def sums(self, rows: Rows) -> Sequence[State]:
        """Weighted labels, weighted predictions and weights by bucket.

        A fractional label counts as a positive and a negative row; both fall into one bucket, so their
        sums are those of the undivided row.
        """
        combiner, width = self.combiner, self.combiner._num_buckets + 2
        scaled = (rows.predictions - combiner._left) / combiner._range * combiner._num_buckets + 1
        bucket = np.clip(scaled, 0, width - 1).astype(np.int64)
        cells, place = np.unique(rows.slices * width + bucket, return_inverse=True)
        weights = rows.weights
        quantities = (rows.labels * weights, rows.predictions * weights, weights)
        sums: Floats = np.stack([np.bincount(place, quantity, len(cells)) for quantity in quantities]).astype(
            np.float64
        )
        edges = np.searchsorted(cells, np.arange(rows.count + 1) * width)
        return [
            Histogram(cells[start:end] % width, sums[:, start:end])
            for start, end in itertools.pairwise(edges)
        ]

    def result(self, state: Histogram) -> metric_types.MetricsDict:
        """The histogram as TFMA's accumulator."""
        columns = zip(state.buckets.tolist(), *state.sums.tolist(), strict=True)
        return self.combiner.extract_output(
            {bucket: calibration_histogram.Bucket(bucket, *sums) for bucket, *sums in columns}
        )


@dataclass(frozen=True)
class ConfusionKernel:
    """Confusion matrices at thresholds: BinaryAccuracy, Precision, Recall, F1Score and their kin."""

    combiner: Any

    @property
    def _thresholds(self) -> list[float]:
        return list(self.combiner._binary_confusion_matrices._thresholds)

    def sums(self, rows: Rows) -> Sequence[State]:
        """True and false positives and negatives by threshold, shape (4, thresholds) for each slice."""
        thresholds = np.asarray(self._thresholds)
        order = np.argsort(thresholds, kind="stable")
        width = len(thresholds) + 1
        # A prediction passes the thresholds below it, so its rank among them says everything.
        passed = np.searchsorted(thresholds[order], rows.predictions, side="left")
        cell = rows.slices * width + passed
        counts = []
        for weights in (rows.weights * rows.labels, rows.weights * (1.0 - rows.labels)):
            ranked = np.bincount(cell, weights, rows.count * width).reshape(rows.count, width)
            above = ranked[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
            below = ranked.cumsum(axis=1)[:, :-1]
            back = np.argsort(order, kind="stable")
            counts += [above[:, back], below[:, back]]
        true_positive, false_negative, false_positive, true_negative = counts
        return list(np.stack([true_positive, true_negative, false_positive, false_negative], axis=1))

    def result(self, state: Floats) -> metric_types.MetricsDict:
        """The matrices as TFMA's accumulator."""
        entries = {
            threshold: matrices._ThresholdEntry(
                matrix=matrices.Matrix(*state[:, place].tolist()),
                tp_examples=[],
                tn_examples=[],
                fp_examples=[],
                fn_examples=[],
            )
            for place, threshold in enumerate(self._thresholds)
        }
        return self.combiner.extract_output(entries)


@dataclass(frozen=True)
class ErrorKernel:
    """MeanSquaredError and its kin: a weighted mean of an error per row."""

    combiner: Any

    def sums(self, rows: Rows) -> Sequence[State]:
        """Weighted errors and weights; rows whose error is not a number count for nothing, as in TFMA."""
        error = _errors(self.combiner, rows.labels, rows.predictions)
        known = ~np.isnan(error)
        weights = np.where(known, rows.weights, 0.0)
        return list(
            np.stack([rows.total(weights), rows.total(np.where(known, error, 0.0) * weights)], axis=1)
        )

    def result(self, state: Floats) -> metric_types.MetricsDict:
        """The sums as TFMA's accumulator."""
        total = regression._MeanRegressionErrorAccumulator(*map(float, state))
        return self.combiner.extract_output(total)


def kernel_for(computation: metric_types.MetricComputation) -> Kernel | None:
    """The kernel of one of TFMA's computations, or None if it has none in this configuration."""
    combiner = computation.combiner
    key = computation.keys[0]
    plain = key.sub_key is None and key.aggregation_type is None and not key.output_name
    if not plain or getattr(combiner, "_class_weights", None) or getattr(combiner, "_aggregation_type", None):
        return None
    kind = stock_kind(type(combiner))
    if kind is example_count._ExampleCountCombiner:
        return CountKernel(combiner)
    if computation.preprocessors:
        return None
    if kind is calibration._WeightedLabelsPredictionsExamplesCombiner:
        return TotalsKernel(combiner)
    if kind is calibration_histogram._CalibrationHistogramCombiner and combiner._fractional_labels:
        return HistogramKernel(combiner) if combiner._prediction_based_bucketing else None
    if kind is confusion._BinaryConfusionMatrixCombiner and not combiner._example_id_key:
        return ConfusionKernel(combiner) if combiner._enable_fractional_labels else None
    if kind in _REGRESSION:
        return ErrorKernel(combiner)
    return None


# TFMA's own: later the names there may be those of mended ones.
_REGRESSION = (
    regression._MeanAbsoluteErrorCombiner,
    regression._MeanSquaredErrorCombiner,
    regression._MeanAbsolutePercentageErrorCombiner,
    regression._MeanSquaredLogarithmicErrorCombiner,
)
_ABSOLUTE, _SQUARED, _, _LOGARITHMIC = _REGRESSION


def _errors(combiner: Any, labels: Floats, predictions: Floats) -> Any:
    kind = stock_kind(type(combiner))
    if kind is _ABSOLUTE:
        return np.abs(labels - predictions)
    if kind is _SQUARED:
        return np.square(labels - predictions)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind is _LOGARITHMIC:
            return np.square(np.log(labels + 1) - np.log(predictions + 1))
        relative = 100 * np.abs((labels - predictions) / labels)
    return np.where(labels == 0, np.nan, relative)
