"""From TFMA's validation to a verdict with reasons that a person can read."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tensorflow_model_analysis.proto import config_pb2, metrics_for_slice_pb2, validation_result_pb2

Outcome = Literal["blessed", "threshold_missed", "not_enough_data", "no_thresholds"]
Kind = Literal[
    "too_low", "too_high", "worse_than_baseline", "metric_not_found", "no_such_slice", "not_comparable"
]

ALL_ROWS = "all rows"
METRIC_NOT_FOUND = "Metric not found."
"""How TFMA says that a slice has no such metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a model was not blessed.

    Attributes:
        slice: Which rows, `origin=JFK` or `all rows`.
        metric: The metric's name, with its class id if it has one.
        kind: In which way the bound was missed, or could not be checked.
        value: The metric's value, or its difference to the baseline's; None if there is none.
        bound: The value it had to reach.
        detail: One sentence.
    """

    slice: str
    metric: str
    kind: Kind
    value: float | None
    bound: float | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict and its reasons, as `reasons.json` holds them.

    Attributes:
        outcome: What was found.
        rubber_stamp: Whether bounds against a baseline were asked for and there was none.
        reasons: Every bound that was missed or could not be checked.
    """

    outcome: Outcome
    rubber_stamp: bool
    reasons: tuple[Reason, ...]

    @property
    def blessed(self) -> bool:
        """Whether the model may be pushed."""
        return self.outcome == "blessed"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "outcome": self.outcome,
            "blessed": self.blessed,
            "rubber_stamp": self.rubber_stamp,
            "reasons": [asdict(reason) for reason in self.reasons],
        }


def finding(
    result: validation_result_pb2.ValidationResult, *, has_thresholds: bool, rubber_stamp: bool
) -> Finding:
    """What a validation says.

    Args:
        result: TFMA's validation.
        has_thresholds: Whether any bound was asked for.
        rubber_stamp: Whether bounds against a baseline were dropped for want of one.
    """
    if not has_thresholds:
        return Finding(outcome="no_thresholds", rubber_stamp=False, reasons=())
    reasons = tuple(_reasons(result))
    if result.validation_ok:
        return Finding(outcome="blessed", rubber_stamp=rubber_stamp, reasons=())
    missed = any(reason.kind not in ("metric_not_found", "no_such_slice") for reason in reasons)
    outcome: Outcome = "threshold_missed" if missed else "not_enough_data"
    return Finding(outcome=outcome, rubber_stamp=rubber_stamp, reasons=reasons)


def slice_text(key: metrics_for_slice_pb2.SliceKey) -> str:
    """A slice as people write it: `hour=3, origin=JFK`."""
    pairs = [f"{each.column}={_slice_value(each)}" for each in key.single_slice_keys]
    return ", ".join(pairs) or ALL_ROWS


def _slice_value(each: metrics_for_slice_pb2.SingleSliceKey) -> str:
    kind = each.WhichOneof("kind")
    value = getattr(each, kind) if kind else ""
    return (
        value.decode("utf-8", "replace")
        if isinstance(value, bytes)
        else f"{value:g}"
        if kind == "float_value"
        else str(value)
    )


def _reasons(result: validation_result_pb2.ValidationResult) -> Iterator[Reason]:
    for found in result.metric_validations_per_slice:
        if found.HasField("cross_slice_key"):
            cross = found.cross_slice_key
            where = f"{slice_text(cross.baseline_slice_key)} against {slice_text(cross.comparison_slice_key)}"
        else:
            where = slice_text(found.slice_key)
        for failure in found.failures:
            yield _failure(where, failure)
    for missing in result.missing_slices:
        where = _spec_text(missing)
        yield Reason(
            slice=where, metric="", kind="no_such_slice", value=None, bound=None, detail=f"no rows in {where}"
        )
    for cross_missing in result.missing_cross_slices:
        where = f"{_spec_text(cross_missing.baseline_spec)} against other slices"
        yield Reason(
            slice=where,
            metric="",
            kind="no_such_slice",
            value=None,
            bound=None,
            detail=f"no rows for {where}",
        )


def _failure(where: str, failure: validation_result_pb2.ValidationFailure) -> Reason:
    metric = (
        failure.metric_key.name.removesuffix("_diff")
        if failure.metric_key.is_diff
        else failure.metric_key.name
    )
    if failure.metric_key.HasField("sub_key") and failure.metric_key.sub_key.HasField("class_id"):
        metric += f" of class {failure.metric_key.sub_key.class_id.value}"
    if failure.message == METRIC_NOT_FOUND:
        return Reason(
            slice=where,
            metric=metric,
            kind="metric_not_found",
            value=None,
            bound=None,
            detail=f"{metric} has no value for {where}: too few rows",
        )
    value = failure.metric_value.double_value.value
    kind, bound, demand = _missed(failure.metric_threshold, value)
    if failure.message:
        kind, demand = "not_comparable", "which cannot be compared"
    known = None if math.isnan(value) else value
    what = f"{metric} minus the baseline's" if kind == "worse_than_baseline" else metric
    return Reason(
        slice=where,
        metric=metric,
        kind=kind,
        value=known,
        bound=bound,
        detail=f"{what} is {'undefined' if known is None else f'{value:.6g}'}, {demand} ({where})",
    )


def _missed(threshold: config_pb2.MetricThreshold, value: float) -> tuple[Kind, float | None, str]:
    if threshold.HasField("change_threshold"):
        change = threshold.change_threshold
        lower = change.direction == config_pb2.MetricDirection.LOWER_IS_BETTER
        side = "at most" if lower else "at least"
        absolute = change.absolute.value
        if change.HasField("absolute") and not (value <= absolute if lower else value >= absolute):
            return "worse_than_baseline", absolute, f"must be {side} {absolute:.6g}"
        relative = change.relative.value
        return "worse_than_baseline", relative, f"must be {side} {relative:.6g} of the baseline's value"
    bounds = threshold.value_threshold
    if bounds.HasField("lower_bound") and not value >= bounds.lower_bound.value:
        return "too_low", bounds.lower_bound.value, f"must be at least {bounds.lower_bound.value:.6g}"
    if bounds.HasField("upper_bound"):
        return "too_high", bounds.upper_bound.value, f"must be at most {bounds.upper_bound.value:.6g}"
    return "not_comparable", None, "which cannot be compared"


def _spec_text(spec: config_pb2.SlicingSpec) -> str:
    parts = [f"each {name}" for name in spec.feature_keys]
    parts += [f"{name}={value}" for name, value in sorted(spec.feature_values.items())]
    return ", ".join(parts) or ALL_ROWS
