"""Reading Parquet files: types from their footers, rows streamed by row group."""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_components.errors import MissingColumnError, SourceFormatError, SourceTypeError
from pipeline_components.ingest._types import Widest, as_schema, conform, stored_type, to_stored
from pipeline_lib.beam.files import open_parquet
from pipeline_lib.errors import ParquetReadError


def settle(uris: Sequence[str], columns: Sequence[str], declared: Mapping[str, pa.DataType]) -> pa.Schema:
    """The types of all files' columns, as they are stored.

    Raises:
        SourceFormatError: A file is not Parquet.
        SourceTypeError: A column cannot be stored, or its types in two files have nothing in common.
        MissingColumnError: `columns` names one that a file lacks.
    """
    found = Widest()
    for uri in uris:
        try:
            with open_parquet(uri, storage_options={}) as parquet:
                there = parquet.schema_arrow
        except ParquetReadError as error:
            raise SourceFormatError(error.summary, at=uri, fix="deliver it again") from error
        for name in columns:
            if name not in there.names:
                raise MissingColumnError(
                    f"there is no column {name}",
                    at=uri,
                    known=", ".join(there.names),
                    fix="name one of these",
                )
        wanted = columns or there.names
        found.add({name: stored_type(name, there.field(name).type, at=uri) for name in wanted}, at=uri)
    return as_schema({name: _as_declared(held, declared.get(name)) for name, held in found.types.items()})


def _as_declared(held: pa.DataType, declared: pa.DataType | None) -> pa.DataType:
    """A schema may widen a column or give a type to an empty one; its bytes may be text or bytes here."""
    if declared is None or (pa.types.is_binary(held) and pa.types.is_string(declared)):
        return held
    return pa.list_(declared) if pa.types.is_list(held) else declared


def read_batches(uri: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows of one file in batches of the settled types.

    Raises:
        SourceFormatError: The file is damaged.
        SourceTypeError: A value does not fit.
    """
    try:
        with open_parquet(uri, storage_options={}) as parquet:
            columns = [name for name in schema.names if name in parquet.schema_arrow.names]
            for batch in parquet.iter_batches(65_536, columns=columns):
                yield conform(_stored(batch, uri), schema)
    except ParquetReadError as error:
        raise SourceFormatError(error.summary, at=uri, fix="deliver it again") from error
    except (pa.ArrowInvalid, OSError) as error:  # a page that cannot be uncompressed
        raise SourceFormatError(f"the file is damaged: {error}", at=uri, fix="deliver it again") from error


def _stored(batch: pa.RecordBatch, uri: str) -> pa.RecordBatch:
    columns = []
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        wanted = stored_type(name, values.type, at=uri)
        try:
            columns.append(to_stored(values, wanted))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise SourceTypeError(
                f"column {name} cannot be stored as {wanted}",
                got=error,
                largest=pc.max(values) if pa.types.is_integer(values.type) else None,
                at=uri,
                fix=f"convert {name} in the source (to text, say)",
            ) from error
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
