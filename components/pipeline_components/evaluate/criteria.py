"""What to measure and what to demand: small frozen dataclasses that are a pipeline's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Confidence = Literal["none", "jackknife", "bootstrap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Rows that are judged on their own.

    Attributes:
        columns: One slice for every combination of these columns' values.
        where: Only rows with exactly these values, by column.
    """

    columns: tuple[str, ...] = ()
    where: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSlice:
    """Slices compared with one another: every metric of `baseline` minus that of each of `compared`.

    Attributes:
        baseline: What is compared with; all rows by default.
        compared: The slices held against it.
    """

    baseline: Slice = field(default_factory=Slice)
    compared: tuple[Slice, ...] = ()


SliceLike = str | tuple[str, ...] | Slice
"""A column, several columns crossed, or a `Slice`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a metric must reach on slices, for the model to be blessed.

    Attributes:
        on: The slices this bound holds for.
        at_least: Lowest value allowed.
        at_most: Highest value allowed.
        better_than_baseline_by: Smallest improvement over the baseline allowed, in the metric's unit;
            negative allows the model to be that much worse.
        better_than_baseline_by_ratio: The same as a fraction of the baseline's value.
    """

    on: SliceLike
    at_least: float | None = None
    at_most: float | None = None
    better_than_baseline_by: float | None = None
    better_than_baseline_by_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, by TFMA's or Keras' class name (`"AUC"`) or snake_case (`"auc"`), and its bounds.

    Attributes:
        name: The metric.
        at_least: Lowest value allowed over all rows.
        at_most: Highest value allowed over all rows.
        better_than_baseline_by: Smallest improvement over the baseline allowed, in the metric's unit:
            -0.01 lets an AUC be 0.01 lower, or an error 0.01 higher, than the baseline's.
        better_than_baseline_by_ratio: The same as a fraction of the baseline's value.
        per_slice: Bounds on slices; those above hold for all rows together only.
        higher_is_better: Which way is better; known for the usual metrics.
        class_ids: For multi-class models: compute a binary metric for each of these classes.
        average: For multi-class models: average a binary metric over the classes.
        options: The metric's own arguments, `{"thresholds": [0.3]}`.
    """

    name: str
    at_least: float | None = None
    at_most: float | None = None
    better_than_baseline_by: float | None = None
    better_than_baseline_by_ratio: float | None = None
    per_slice: tuple[Bound, ...] = ()
    higher_is_better: bool | None = None
    class_ids: tuple[int, ...] = ()
    average: Literal["micro", "macro"] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


DEFAULT_METRICS = (
    Metric("ExampleCount"),
    Metric("BinaryAccuracy"),
    Metric("AUC"),
    Metric("Precision"),
    Metric("Recall"),
    Metric("Calibration"),
    Metric("MeanLabel"),
    Metric("MeanPrediction"),
)
"""What a binary classifier is measured by when nothing else is said."""


def as_slice(like: SliceLike) -> Slice:
    """The `Slice` that a column, a tuple of columns or a `Slice` stands for."""
    if isinstance(like, Slice):
        return like
    return Slice(columns=(like,) if isinstance(like, str) else tuple(like))
