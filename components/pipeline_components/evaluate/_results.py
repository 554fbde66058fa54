"""What TFMA wrote, as rows of a table."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.slicer import slicer_lib

from pipeline_components.evaluate._config import Judgement
from pipeline_components.evaluate._verdict import ALL_ROWS

SliceKey = tuple[Any, ...]
"""TFMA's pairs of column and value; a pair of such keys if two slices are compared."""


@dataclass(frozen=True, slots=True)
class Value:
    """One number, with its confidence interval if there is one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRow:
    """The metrics of one slice.

    Attributes:
        name: `hour=3, origin=JFK`, or `all rows`.
        key: The same as TFMA has it.
        candidate: By metric.
        baseline: By metric; empty without a baseline.
        differences: Candidate minus baseline, by metric.
        error: Why there are no metrics, if there are none.
    """

    name: str
    key: SliceKey
    candidate: Mapping[str, Value]
    baseline: Mapping[str, Value]
    differences: Mapping[str, Value]
    error: str = ""


def slice_rows(directory: str, judged: Judgement) -> list[SliceRow]:
    """The metrics of every slice in a directory that TFMA's writers filled; all rows first, then by name.

    Args:
        directory: Holds `metrics*` and `eval_config.json`.
        judged: The configuration they were made with.
    """
    by_model = {spec.is_baseline: _by_slice(directory, spec.name) for spec in judged.config.model_specs}
    ours, theirs = by_model[False], by_model.get(True, {})
    errors = _hidden_slices(directory)
    ours = {key: {} for key in errors} | ours
    rows = []
    for key, metrics in ours.items():
        name = slice_name(key)
        differences = {
            metric.removesuffix("_diff"): v for metric, v in metrics.items() if metric.endswith("_diff")
        }
        rows.append(
            SliceRow(
                name=name,
                key=key,
                candidate={
                    metric: v for metric, v in _numbers(metrics).items() if not metric.endswith("_diff")
                },
                baseline=_numbers(theirs.get(key, {})),
                differences=_numbers(differences),
                error=errors.get(key, ""),
            )
        )
    return sorted(rows, key=lambda row: (row.name != ALL_ROWS, _natural(row.name)))


def slice_name(key: SliceKey) -> str:
    """A TFMA slice key, or pair of keys, as people write it."""
    if len(key) == 2 and all(
        isinstance(part, tuple) and (not part or isinstance(part[0], tuple)) for part in key
    ):
        return f"{slice_name(key[0])} against {slice_name(key[1])}"
    return ", ".join(f"{column}={value}" for column, value in key) or ALL_ROWS


def metric_title(name: str, sub_key: str) -> str:
    """A metric as people write it: TFMA puts its aggregation before its name, with a newline between."""
    *aggregation, metric = name.split("\n")
    shown = metric.lstrip("_") + "".join(f" ({each.split(':')[0].strip()})" for each in aggregation)
    return f"{shown} ({' '.join(sub_key.split())})" if sub_key else shown


def _hidden_slices(directory: str) -> dict[SliceKey, str]:
    """Slices without metrics and TFMA's reason: with two models its loader leaves them out."""
    return {
        slicer_lib.deserialize_slice_key(each.slice_key): each.metrics["__ERROR__"].debug_message
        for each in tfma.load_metrics(directory)
        if "__ERROR__" in each.metrics and not each.HasField("cross_slice_key")
    }


def _by_slice(directory: str, model: str) -> dict[SliceKey, dict[str, Any]]:
    result = tfma.load_eval_result(directory, model_name=model)
    found = {}
    for key, outputs in result.slicing_metrics:
        metrics: dict[str, Any] = {}
        for by_sub_key in outputs.values():
            for sub_key, values in by_sub_key.items():
                metrics |= {metric_title(name, sub_key): value for name, value in values.items()}
        found[key] = metrics
    return found


def _natural(name: str) -> list[tuple[float, str]]:
    """Order numbers in names by value: hour=2 before hour=10."""
    return [
        (float(part), "") if part.isdecimal() else (math.inf, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]


def _numbers(metrics: Mapping[str, Any]) -> dict[str, Value]:
    found = {name: _number(value) for name, value in metrics.items()}
    return {name: value for name, value in found.items() if value is not None}


def _number(value: Any) -> Value | None:
    if isinstance(value, Value):
        return value
    if not isinstance(value, Mapping):
        return None
    if "doubleValue" in value:
        return _finite(Value(float(value["doubleValue"])))
    if "boundedValue" in value:
        bounded = value["boundedValue"]
        return _finite(
            Value(
                float(bounded.get("value", 0.0)),
                float(bounded.get("lowerBound", 0.0)),
                float(bounded.get("upperBound", 0.0)),
            )
        )
    return None


def _finite(value: Value) -> Value | None:
    return None if math.isnan(value.value) else value
