"""Metrics per slice with the bounds that held for them, in the bounded form that the metadata store keeps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tensorflow_model_analysis.metrics import metric_specs, metric_types
from tensorflow_model_analysis.proto import config_pb2, validation_result_pb2
from tensorflow_model_analysis.slicer import slicer_lib

from pipeline_components.evaluate._config import Judgement
from pipeline_components.evaluate._results import SliceRow, Value, metric_title, slice_name
from pipeline_components.evaluate._verdict import ALL_ROWS, METRIC_NOT_FOUND, Finding
from pipeline_lib.hashing import canonical_json

MOST_SLICES, MOST_BYTES = 200, 64 * 1024

Failures = Mapping[tuple[str, str, bool, bytes], bool | None]
"""What TFMA found against a bound: by slice, metric, whether of the difference, and the bound itself."""


def recorded(
    rows: Sequence[SliceRow],
    judged: Judgement,
    result: validation_result_pb2.ValidationResult,
    found: Finding,
) -> tuple[list[dict[str, Any]], int]:
    """The slices as `ModelEvaluation.slice_metrics` keeps them, and how many had no room.

    All rows come first, then slices with a bound that was missed or could not be checked, then others with
    bounds, then the largest: in this order they are kept, and in the order of `rows` they are returned.

    Args:
        rows: Metrics by slice.
        judged: The configuration they were made with.
        result: TFMA's validation.
        found: Its verdict; slices that are missed in the data become records without metrics.
    """
    failures = _failures(result)
    bounds = list(_bounds(judged.config))
    records = [_record(row, bounds, failures) for row in rows]
    records += [
        {"slice": reason.slice, "metrics": {}, "bounds": [], "error": reason.detail}
        for reason in found.reasons
        if reason.kind == "no_such_slice"
    ]
    kept: set[int] = set()
    size = 2
    for place in sorted(range(len(records)), key=lambda place: _rank(records[place])):
        size += len(canonical_json(records[place]).encode()) + 1
        if kept and (len(kept) == MOST_SLICES or size > MOST_BYTES):
            break
        kept.add(place)
    return [records[place] for place in sorted(kept)], len(records) - len(kept)


def _rank(record: Mapping[str, Any]) -> tuple[bool, bool, bool, float]:
    missed = "error" in record or any(bound["met"] is not True for bound in record["bounds"])
    count = record["metrics"].get("example_count", {}).get("value", 0.0)
    return record["slice"] != ALL_ROWS, not missed, not record["bounds"], -count


def _record(row: SliceRow, bounds: Sequence["_Bound"], failures: Failures) -> dict[str, Any]:
    metrics = {}
    for name, value in row.candidate.items():
        metrics[name] = _numbers(value, row.baseline.get(name), row.differences.get(name))
    applied = []
    for spec, name, of_difference, threshold in bounds:
        if not _holds_for(spec, row.key):
            continue
        values = row.differences if of_difference else row.candidate
        met = failures.get((row.name, name, of_difference, threshold.SerializeToString()), True)
        applied.append(_demand(name, threshold) | {"met": met if name in values else met and None})
    record: dict[str, Any] = {"slice": row.name, "metrics": metrics, "bounds": applied}
    return record | {"error": row.error} if row.error else record


def finite(values: Mapping[str, Value]) -> dict[str, float]:
    """By metric, without those that are no number: the store has no NaN."""
    return {name: value.value for name, value in values.items() if math.isfinite(value.value)}


def _numbers(value: Value, baseline: Value | None, difference: Value | None) -> dict[str, float]:
    given = {
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "baseline": baseline.value if baseline else None,
        "difference": difference.value if difference else None,
    }
    return {name: number for name, number in given.items() if number is not None and math.isfinite(number)}


_Threshold: TypeAlias = config_pb2.GenericValueThreshold | config_pb2.GenericChangeThreshold
_Spec: TypeAlias = config_pb2.SlicingSpec | config_pb2.CrossSlicingSpec | None
_Bound: TypeAlias = tuple[_Spec, str, bool, _Threshold]


def _bounds(config: config_pb2.EvalConfig) -> Iterator[_Bound]:
    """Every bound on the candidate: the slices it holds for, its metric, whether it is of the difference."""
    thresholds = metric_specs.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    baselines = {spec.name for spec in config.model_specs if spec.is_baseline}
    for key, each in thresholds.items():
        if key.model_name not in baselines:
            for spec, threshold in each:
                yield spec, _title(key), bool(key.is_diff), threshold


def _title(key: metric_types.MetricKey) -> str:
    aggregation = key.to_proto().aggregation_type if key.aggregation_type else ""
    name = f"{aggregation}_{key.name}" if aggregation else key.name
    return metric_title(name.removesuffix("_diff") if key.is_diff else name, str(key.sub_key or ""))


def _holds_for(spec: _Spec, key: tuple[Any, ...]) -> bool:
    """Whether TFMA checks a bound on a slice; one without a slice of its own is for every simple slice."""
    crossed = bool(slicer_lib.is_cross_slice_key(key))
    if isinstance(spec, config_pb2.CrossSlicingSpec):
        return crossed and bool(
            slicer_lib.is_cross_slice_applicable(cross_slice_key=key, cross_slicing_spec=spec)
        )
    return not crossed and (
        spec is None or bool(slicer_lib.SingleSliceSpec(spec=spec).is_slice_applicable(key))
    )


def _demand(name: str, threshold: _Threshold) -> dict[str, Any]:
    if isinstance(threshold, config_pb2.GenericValueThreshold):
        sides = {"at_least": threshold.lower_bound.value} if threshold.HasField("lower_bound") else {}
        sides |= {"at_most": threshold.upper_bound.value} if threshold.HasField("upper_bound") else {}
        return {"metric": name, "of": "value", **sides}
    side = "at_most" if threshold.direction == config_pb2.MetricDirection.LOWER_IS_BETTER else "at_least"
    found: dict[str, Any] = {"metric": name, "of": "difference"}
    if threshold.HasField("absolute"):
        found[side] = threshold.absolute.value
    if threshold.HasField("relative"):
        found[f"ratio_{side}"] = threshold.relative.value
    return found


def _failures(result: validation_result_pb2.ValidationResult) -> Failures:
    """False for a bound that was missed, None for one that could not be checked."""
    found: dict[tuple[str, str, bool, bytes], bool | None] = {}
    for each in result.metric_validations_per_slice:
        if each.HasField("cross_slice_key"):
            key = slicer_lib.deserialize_cross_slice_key(each.cross_slice_key)
        else:
            key = slicer_lib.deserialize_slice_key(each.slice_key)
        for failure in each.failures:
            metric = metric_types.MetricKey.from_proto(failure.metric_key)
            limit = failure.metric_threshold
            which = limit.change_threshold if limit.HasField("change_threshold") else limit.value_threshold
            unknown = failure.message == METRIC_NOT_FOUND
            place = (slice_name(key), _title(metric), bool(metric.is_diff), which.SerializeToString())
            found[place] = None if unknown else False
    return found
