"""Slices of whole batches against TFMA's own slicer, row by row."""

from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow_model_analysis as tfma
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_model_analysis.slicer import slicer_lib

from pipeline_components.evaluate._batches import encode
from pipeline_components.evaluate._slicing import group, slice_columns, slice_plans

VALUES = {
    "a": st.one_of(st.none(), st.sampled_from(["x", "ÿ", "3", ""])),
    "b": st.one_of(st.none(), st.integers(-2, 3)),
    "c": st.one_of(st.none(), st.sampled_from([0.5, 1.0, float("nan")])),
}
ROWS = st.lists(st.fixed_dictionaries(VALUES), max_size=12)
SPECS = st.sampled_from(
    [
        tfma.SlicingSpec(),
        tfma.SlicingSpec(feature_keys=["a"]),
        tfma.SlicingSpec(feature_keys=["b", "a"]),
        tfma.SlicingSpec(feature_keys=["c", "b", "a"]),
        tfma.SlicingSpec(feature_values={"b": "3"}),
        tfma.SlicingSpec(feature_values={"a": "3"}),
        tfma.SlicingSpec(feature_keys=["c"], feature_values={"a": "x", "b": "-1"}),
    ]
)


@given(rows=ROWS, spec=SPECS)
def test_rows_are_in_the_slices_that_tfma_puts_them_in(rows: list[dict[str, Any]], spec: Any) -> None:
    types = {"a": pa.string(), "b": pa.int64(), "c": pa.float64()}
    features = {name: encode(pa.array([row[name] for row in rows], types[name])) for name in VALUES}
    (plan,) = slice_plans(tfma.EvalConfig(slicing_specs=[spec]))
    groups = group(plan, features, len(rows))
    indices = range(len(rows)) if groups.rows is None else groups.rows.tolist()
    found: dict[Any, list[int]] = {}
    for row, place in zip(indices, groups.ids.tolist(), strict=True):
        found.setdefault(groups.keys[place], []).append(row)
    assert found == tfmas_slices(rows, spec)


def tfmas_slices(rows: list[dict[str, Any]], spec: Any) -> dict[Any, list[int]]:
    """Text as text: given bytes, TFMA does not find a text "3" that a specification names."""
    expected: dict[Any, list[int]] = {}
    for index, row in enumerate(rows):
        features = {
            name: np.array([value])
            for name, value in row.items()
            if value is not None and value == value  # noqa: PLR0124  NaN is missing
        }
        for key in slicer_lib.get_slices_for_features_dicts(
            [], features, [slicer_lib.SingleSliceSpec(spec=spec)]
        ):
            expected.setdefault(key, []).append(index)
    return expected


def test_columns_of_cross_slices_are_read_too() -> None:
    config = tfma.EvalConfig(slicing_specs=[tfma.SlicingSpec(feature_keys=["a"])])
    config.cross_slicing_specs.add(
        baseline_spec=tfma.SlicingSpec(feature_values={"b": "1"}),
        slicing_specs=[tfma.SlicingSpec(feature_keys=["c"])],
    )
    assert slice_columns(slice_plans(config)) == ("a", "b", "c")
