"""Rows as TFMA needs them: labels, predictions, weights and slice columns, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Value = str | int | float
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A slice column: one code per row, -1 where the value is missing.

    Attributes:
        codes: Shape (rows,).
        values: What each code stands for.
    """

    codes: Ints
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A batch of predicted rows.

    Attributes:
        labels: Shape (rows,), as the column has them (int64, float32).
        weights: Shape (rows,) or None.
        predictions: By model name; shape (rows,), or (rows, classes).
        features: The slice columns.
    """

    labels: npt.NDArray[Any]
    weights: npt.NDArray[np.float32] | None
    predictions: Mapping[str, npt.NDArray[Any]]
    features: Mapping[str, Encoded]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.labels)


def encode(column: pa.Array | pa.ChunkedArray) -> Encoded:
    """A column as codes and the distinct values in it, text decoded, NaN and null missing."""
    kind = column.type
    if pa.types.is_nested(kind):
        raise TypeError(f"a column of {kind} cannot be sliced by")
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_temporal(kind):
        column = column.cast(pa.string())
    elif pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column)
    table = pa.chunked_array([column]) if isinstance(column, pa.Array) else column
    encoded = table.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # no rows at all
        return Encoded(np.empty(0, np.int64), ())
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Encoded(codes, tuple(encoded.dictionary.to_pylist()))


def to_record_batch(
    batch: Scored, *, label: str, weight: str | None, prediction_prefix: str
) -> pa.RecordBatch:
    """The batch as list columns, the form in which stock TFMA reads it.

    Args:
        batch: Predicted rows.
        label: Name to give the labels.
        weight: Name to give the weights.
        prediction_prefix: Put before a model's name to name its predictions.
    """
    columns = {name: _lists_of(feature) for name, feature in batch.features.items()}
    columns[label] = _as_lists(batch.labels)
    if weight and batch.weights is not None:
        columns[weight] = _as_lists(batch.weights)
    for model, predictions in batch.predictions.items():
        columns[prediction_prefix + model] = _as_lists(predictions)
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _as_lists(values: npt.NDArray[Any]) -> pa.ListArray:
    width = values.shape[1] if values.ndim > 1 else 1
    offsets = np.arange(len(values) + 1, dtype=np.int32) * width
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.reshape(-1)))


def _lists_of(feature: Encoded) -> pa.ListArray:
    known = feature.codes >= 0
    offsets = np.concatenate([[0], np.cumsum(known)]).astype(np.int32)
    values = pa.array(feature.values) if feature.values else pa.array([], pa.float32())
    if pa.types.is_string(values.type):
        values = values.cast(pa.binary())
    elif pa.types.is_float64(values.type):
        values = values.cast(pa.float32())
    return pa.ListArray.from_arrays(pa.array(offsets), values.take(pa.array(feature.codes[known])))
