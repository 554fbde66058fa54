"""Two forms of the same rows: plain nullable columns on disk, columns of lists for TFDV, TFT and TFMA.

TFX's libraries read what a decoder of tf.Examples gives: every column a list, a missing value a null list,
int64, float32 and binary inside. Both directions work on whole columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline_lib.errors import UnsupportedColumnError

ROWS_PER_GROUP = 65_536
"""Rows of a Parquet row group, and of the batches that readers give."""


def list_columns(rows: pa.RecordBatch | pa.Table) -> pa.RecordBatch:
    """The batch that TFDV, TFT and TFMA read, from plain columns.

    A missing value becomes a null list (as an absent feature of a tf.Example does), text becomes binary,
    floats become float32, integers and bools int64. Columns that hold lists keep their shape.

    Args:
        rows: Shape (rows, columns): integers, floats, bools, text, bytes, nulls, or lists of these.

    Raises:
        UnsupportedColumnError: A column is of another type (a date, a struct).
    """
    columns = [
        _as_lists(name, one_array(column))
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


def plain_columns(rows: pa.RecordBatch | pa.Table) -> pa.Table:
    """Plain nullable columns, from columns of lists none of which holds more than one value.

    A column with longer lists keeps them; binary that is valid UTF-8 becomes text.

    Args:
        rows: Shape (rows, columns) of lists, as a decoder of tf.Examples gives.
    """
    columns = [_as_plain(one_array(column)) for column in rows.columns]
    return pa.Table.from_arrays(columns, names=rows.schema.names)


def one_array(column: Any) -> pa.Array:
    """A column as one contiguous array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def select(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """The columns of those names, in that order.

    Raises:
        KeyError: There is no such column.
    """
    columns = [
        batch.column(batch.schema.get_field_index(name)) for name in names if name in batch.schema.names
    ]
    if len(columns) < len(names):
        raise KeyError(next(name for name in names if name not in batch.schema.names))
    return pa.RecordBatch.from_arrays(columns, names=list(names))


def as_record_batch(rows: pa.RecordBatch | pa.Table) -> pa.RecordBatch:
    """A table's rows as one record batch."""
    if isinstance(rows, pa.RecordBatch):
        return rows
    return pa.RecordBatch.from_arrays([one_array(column) for column in rows.columns], schema=rows.schema)


def _as_lists(name: str, values: pa.Array) -> pa.Array:
    if _is_list(values.type):
        wanted = _inner_type(name, values.type.value_type)
        return values if wanted == values.type.value_type else values.cast(pa.list_(wanted))
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    wanted = _inner_type(name, values.type)
    if wanted == pa.null():
        return pa.nulls(len(values), pa.list_(pa.float32()))
    if values.type != wanted:
        values = values.cast(wanted)
    if values.null_count == 0:
        offsets = pa.array(np.arange(len(values) + 1, dtype=np.int32))
        return pa.ListArray.from_arrays(offsets, values)
    valid = np.asarray(values.is_valid())
    counts = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum(valid, out=counts[1:])
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(
        pa.list_(wanted), len(values), [bitmap, pa.py_buffer(counts)], children=[values.drop_null()]
    )


def _inner_type(name: str, held: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_integer(held) or types.is_boolean(held):
        return pa.int64()
    if types.is_floating(held):
        return pa.float32()
    if (
        types.is_string(held)
        or types.is_binary(held)
        or types.is_large_string(held)
        or types.is_large_binary(held)
    ):
        return pa.binary()
    if types.is_null(held):
        return held
    raise UnsupportedColumnError(
        f"column {name} is of a type that TFX's libraries do not read",
        got=held,
        needs="integers, floats, bools, text, bytes, or lists of these",
        fix=f"convert {name} in the source (dates as text), or leave it out",
    )


def _as_plain(values: pa.Array) -> pa.Array:
    if not _is_list(values.type):
        return values
    inner = values.flatten()
    if pa.types.is_null(inner.type):
        return pa.nulls(len(values))
    inner = _as_text(inner)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0))
    if lengths.size and lengths.max() > 1:
        return _lists_of(values, inner, lengths)
    present = lengths == 1
    if present.all():
        return inner
    positions = np.cumsum(present) - 1
    return inner.take(pa.array(positions, mask=~present))


def _lists_of(values: pa.Array, inner: pa.Array, lengths: np.ndarray[Any, Any]) -> pa.Array:
    offsets = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    if values.null_count == 0:
        return pa.ListArray.from_arrays(pa.array(offsets), inner)
    bitmap = pa.py_buffer(np.packbits(np.asarray(values.is_valid()), bitorder="little").tobytes())
    return pa.Array.from_buffers(
        pa.list_(inner.type), len(values), [bitmap, pa.py_buffer(offsets)], children=[inner]
    )


def _as_text(values: pa.Array) -> pa.Array:
    if not (pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
        return values
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return values.cast(pa.binary())


def _is_list(held: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(held) or types.is_large_list(held) or types.is_fixed_size_list(held))
