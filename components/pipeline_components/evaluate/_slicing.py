"""Which slice each row of a batch is in, for a whole batch at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.slicer import slicer_lib

from pipeline_components.evaluate._batches import Encoded, Ints, Value

SliceKey = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicePlan:
    """One slicing specification, ready to be sent to workers.

    Attributes:
        columns: One slice for every combination of their values.
        where: Rows with exactly these values only; values as TFMA types them.
    """

    columns: tuple[str, ...]
    where: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The slices of one specification in one batch.

    Attributes:
        keys: TFMA's key of each slice.
        rows: Indices of the rows that are in some slice; None means all of them, in order.
        ids: For each of these rows the position of its slice in `keys`.
    """

    keys: list[SliceKey]
    rows: Ints | None
    ids: Ints


def slice_plans(config: tfma.EvalConfig) -> tuple[SlicePlan, ...]:
    """Every specification that a configuration needs, those that cross slices compare included."""
    specs = [*config.slicing_specs]
    for cross in config.cross_slicing_specs:
        specs += [cross.baseline_spec, *cross.slicing_specs]
    plans = [
        SlicePlan(
            columns=tuple(sorted(spec.feature_keys)),
            where=tuple(
                sorted((name, slicer_lib._to_type(value)) for name, value in spec.feature_values.items())
            ),
        )
        for spec in specs
    ]
    return tuple(dict.fromkeys(plans)) or (SlicePlan(columns=(), where=()),)


def slice_columns(plans: tuple[SlicePlan, ...]) -> tuple[str, ...]:
    """The columns that the specifications read, in order of first use."""
    names = [name for plan in plans for name in (*plan.columns, *(column for column, _ in plan.where))]
    return tuple(dict.fromkeys(names))


def group(plan: SlicePlan, features: Mapping[str, Encoded], rows: int) -> Groups:
    """Divide a batch into the slices of one specification.

    Args:
        plan: The specification.
        features: The batch's slice columns, each of shape (rows,).
        rows: Number of rows.

    Returns:
        The slices; a row with a missing value is in none. `where` finds numbers in text columns too ("3"),
        which stock TFMA means to do and does not.
    """
    if not plan.columns and not plan.where:
        return Groups([()], None, np.zeros(rows, np.int64))
    inside = np.ones(rows, bool)
    for name, value in plan.where:
        inside &= _equal(features[name], value)
    for name in plan.columns:
        inside &= features[name].codes >= 0
    chosen = np.flatnonzero(inside)
    # Combinations are numbered afresh after each column: the product of cardinalities cannot overflow.
    ids = np.zeros(len(chosen), np.int64)
    combinations: list[SliceKey] = [plan.where] if len(chosen) else []
    for name in plan.columns:
        feature = features[name]
        width = len(feature.values)
        seen, ids = np.unique(ids * width + feature.codes[chosen], return_inverse=True)
        combinations = [
            (*combinations[code // width], (name, feature.values[code % width])) for code in seen.tolist()
        ]
    return Groups([tuple(sorted(key)) for key in combinations], chosen, ids)


def _equal(feature: Encoded, value: Value) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    matching = [code for code, known in enumerate(feature.values) if known in (value, str(value))]
    return np.isin(feature.codes, matching)
