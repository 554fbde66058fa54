"""Which types columns have on disk, settled over all files before any row is converted."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_components.errors import SourceTypeError
from pipeline_lib import Schema

NUMBERS = (pa.int64(), pa.float64())


def widen(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The narrowest type that holds both: null, int64, double, text; a list holds its like and single values.

    Raises:
        SourceTypeError: Nothing holds both.
    """
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_list(one) or pa.types.is_list(other):
        inner = [held.value_type if pa.types.is_list(held) else held for held in (one, other)]
        return pa.list_(widen(*inner))
    if one in NUMBERS and other in NUMBERS:
        return pa.float64()
    if {one, other} == {pa.float32(), pa.float64()}:
        return pa.float64()
    if {one, other} <= {pa.int64(), pa.float32()}:
        return pa.float64()
    if pa.types.is_binary(one) or pa.types.is_binary(other):
        if {one, other} <= {pa.binary(), pa.string()}:
            return pa.binary()
        raise SourceTypeError(
            f"a column is {one} in one place and {other} in another", fix="make the source agree with itself"
        )
    return pa.string()


class Widest:
    """The widest types by column, over places that are looked at one after another.

    Attributes:
        types: So far, in the order in which columns are first seen.
    """

    def __init__(self) -> None:
        self.types: dict[str, pa.DataType] = {}
        self._first: dict[str, str] = {}

    def add(self, types: Mapping[str, pa.DataType], *, at: str) -> None:
        """Widen by the columns of one more place, a file's uri or a query.

        Raises:
            SourceTypeError: Nothing holds a column's types here and before.
        """
        for name, held in types.items():
            known = self.types.get(name, held)
            try:
                self.types[name] = widen(known, held)
            except SourceTypeError as error:
                raise SourceTypeError(
                    f"column {name} is {held} here, and {known} elsewhere",
                    elsewhere=self._first[name],
                    at=at,
                    fix=error.fix,
                ) from error
            if not pa.types.is_null(held):
                self._first.setdefault(name, at)


def as_schema(types: Mapping[str, pa.DataType]) -> pa.Schema:
    """Nullable columns in that order; one without any value is text, which every reader can hold."""
    return pa.schema(
        [(name, pa.string() if pa.types.is_null(held) else held) for name, held in types.items()]
    )


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with exactly these columns; one that it lacks is all missing.

    Raises:
        SourceTypeError: A value does not fit its settled type.
    """
    columns = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        if at < 0:
            columns.append(pa.nulls(batch.num_rows, field.type))
            continue
        column = batch.column(at)
        try:
            columns.append(column if column.type == field.type else _cast(column, field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise SourceTypeError(
                f"column {field.name} has values that are no {field.type}",
                got=error,
                fix="correct the data or the schema",
            ) from error
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_list(wanted) and not pa.types.is_list(column.type):
        from pipeline_lib.beam.batches import list_columns

        one = list_columns(pa.RecordBatch.from_arrays([column], names=["x"])).column(0)
        return one.cast(wanted)
    return column.cast(wanted)


def stored_type(name: str, held: pa.DataType, *, at: str) -> pa.DataType:
    """The type in which a column of another format is stored.

    Whole numbers become int64, decimals double, dates and times ISO text (TFX's libraries read neither).

    Raises:
        SourceTypeError: A struct, map, union or nested list.
    """
    types = pa.types
    if types.is_dictionary(held):
        return stored_type(name, held.value_type, at=at)
    if types.is_integer(held) or types.is_boolean(held):
        return pa.int64()
    if types.is_decimal(held) or types.is_float64(held):
        return pa.float64()
    if types.is_floating(held):
        return pa.float32()
    if types.is_temporal(held) or types.is_string(held) or types.is_large_string(held):
        return pa.string()
    if types.is_binary(held) or types.is_large_binary(held) or types.is_fixed_size_binary(held):
        return pa.binary()
    if types.is_null(held):
        return held
    if types.is_list(held) or types.is_large_list(held) or types.is_fixed_size_list(held):
        inner = stored_type(name, held.value_type, at=at)
        if not types.is_list(inner):
            return pa.list_(inner)
    raise SourceTypeError(
        f"column {name} is of a type that cannot be stored",
        got=held,
        needs="numbers, bools, text, bytes, dates, times, or lists of these",
        at=at,
        fix=f"flatten {name} in the source, or leave it out with columns=",
    )


def to_stored(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Values of another format as they are stored; see `stored_type`.

    Dates become `2013-01-01`, timestamps `2013-01-01T05:00:00` (with the fraction that they have, and `Z`
    where the time zone is known: they are given in UTC), times `05:00:00`, bools 0 and 1.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type):
        return _iso_timestamps(values)
    if pa.types.is_time(values.type):
        return _without_empty_fraction(values.cast(pa.string()))
    return values if values.type == wanted else values.cast(wanted)


def _iso_timestamps(values: pa.Array) -> pa.Array:
    text = values.cast(pa.timestamp(values.type.unit)).cast(pa.string())
    text = pc.replace_substring(text, " ", "T", max_replacements=1)
    text = _without_empty_fraction(text)
    return pc.binary_join_element_wise(text, "Z", "") if values.type.tz else text


def _without_empty_fraction(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(text, r"\.0+$", "")


def schema_types(schema: Schema) -> dict[str, pa.DataType]:
    """Column types that a Schema artifact declares.

    Raises:
        SchemaFileError: The artifact holds no schema.
    """
    from tensorflow_metadata.proto.v0 import schema_pb2

    from pipeline_components.schema_files import read_schema

    known = {schema_pb2.INT: pa.int64(), schema_pb2.FLOAT: pa.float64(), schema_pb2.BYTES: pa.string()}
    features = read_schema(schema).feature
    return {feature.name: known[feature.type] for feature in features if feature.type in known}
