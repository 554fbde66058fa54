"""Between the plain nullable columns of Parquet and the list columns that TensorFlow Transform reads."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

from pipeline_components.errors import ColumnTypeError, RequiredColumnError
from pipeline_lib.beam.batches import one_array


def to_list_columns(
    table: pa.Table, wanted: pa.Schema, *, may_be_absent: frozenset[str], at: str
) -> pa.RecordBatch:
    """The columns of one row group as TFT wants them.

    Args:
        table: Plain nullable columns, or columns that are lists already.
        wanted: Fields of type list<T> or large_list<T>, T int64, float or (large_)binary.
        may_be_absent: Columns that count as missing in every row if the file has none of that name.
        at: The file, for errors.

    Returns:
        One record batch of type `wanted`; a null becomes an empty list.

    Raises:
        RequiredColumnError: A column is not in the file.
        ColumnTypeError: Values do not fit the type that the schema gives the column.
    """
    arrays = []
    for field in wanted:
        position = table.schema.get_field_index(field.name)
        if position < 0:
            if field.name not in may_be_absent:
                raise RequiredColumnError(
                    f"column {field.name} is not in the data",
                    columns=", ".join(table.schema.names),
                    at=at,
                    fix="ingest it, or set presence.min_fraction of the feature to 0 in the schema",
                )
            nothing = pa.nulls(table.num_rows, field.type.value_type)
            arrays.append(_as_lists(nothing, field, at))
        else:
            arrays.append(_as_lists(one_array(table.column(position)), field, at))
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def to_plain_columns(batch: pa.RecordBatch, scalars: Mapping[str, bool]) -> pa.Table:
    """Transformed list columns as Parquet keeps them: one value a row is a plain column, the rest are lists.

    Args:
        batch: Columns of type large_list<T>.
        scalars: For each column to keep, whether every row has exactly one value.
    """
    columns = {}
    for name, is_scalar in scalars.items():
        values = batch.column(batch.schema.get_field_index(name))
        if is_scalar:
            flat = values.flatten()
            columns[name] = flat.cast(pa.binary()) if pa.types.is_large_binary(flat.type) else flat
        else:
            item = values.type.value_type
            item = pa.binary() if pa.types.is_large_binary(item) else item
            offsets = values.offsets.cast(pa.int32())
            columns[name] = pa.ListArray.from_arrays(offsets, values.values.cast(item))
    return pa.table(columns)


def scalar_columns(transformed_schema: schema_pb2.Schema) -> dict[str, bool]:
    """For each column of transformed data, whether each row has exactly one value.

    A feature whose tensors need several columns (sparse indices, ragged partitions) has all of them named.
    """
    spec = schema_utils.schema_as_feature_spec(transformed_schema).feature_spec
    dense = {name: kind for name, kind in spec.items() if isinstance(kind, tf.io.FixedLenFeature)}
    names = [feature.name for feature in transformed_schema.feature]
    return {name: name in dense and all(size == 1 for size in dense[name].shape) for name in names}


def _as_lists(values: pa.Array, field: pa.Field, at: str) -> pa.Array:
    kind, large = field.type.value_type, pa.types.is_large_list(field.type)
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
        flat = values.flatten()
    else:
        lengths = np.asarray(values.is_valid())
        flat = values.drop_null() if values.null_count else values
    offsets = np.zeros(len(values) + 1, np.int64 if large else np.int32)
    np.cumsum(lengths, out=offsets[1:])
    lists = pa.LargeListArray if large else pa.ListArray
    return lists.from_arrays(pa.array(offsets), _cast(flat, kind, field.name, at))


def _cast(values: pa.Array, kind: pa.DataType, name: str, at: str) -> pa.Array:
    """To the schema's type where nothing is lost but float precision, which TensorFlow does not keep."""
    given = values.type
    if given == kind:
        return values
    try:
        if pa.types.is_null(given):
            return pa.array([], kind)
        if pa.types.is_dictionary(given):
            return _cast(values.dictionary_decode(), kind, name, at)
        if pa.types.is_floating(kind) and not _is_text(given):
            return values.cast(pa.float64()).cast(kind, safe=False)
        if pa.types.is_integer(kind) and not _is_text(given):
            return values.cast(kind)
        if _is_text(kind) and _is_text(given):
            return values.cast(kind)
    except pa.ArrowInvalid as error:
        raise _misfit(name, kind, given, at, str(error)) from error
    raise _misfit(name, kind, given, at, None)


def _misfit(name: str, kind: pa.DataType, given: pa.DataType, at: str, why: str | None) -> ColumnTypeError:
    return ColumnTypeError(
        f"column {name} does not fit the schema",
        needs=kind,
        got=given,
        why=why,
        at=at,
        fix=f"ingest the column as {kind}, or give feature {name} another type in the schema",
    )


def _is_text(kind: pa.DataType) -> bool:
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(check(kind) for check in checks)
