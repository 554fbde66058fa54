"""Reading CSV: types are settled over all files first, then rows stream in batches of those types."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from pipeline_components.errors import SourceFormatError, SourceHeaderError
from pipeline_components.ingest._csv_diagnosis import explain
from pipeline_components.ingest._csv_file import CsvFormat, compression, open_text
from pipeline_components.ingest._pacing import Paced
from pipeline_components.ingest._types import NUMBERS, Widest, as_schema, widen
from pipeline_components.ingest.sources import SourceFile
from pipeline_components.threads import in_order
from pipeline_lib.beam.batches import select

_IN_MEMORY = 64 << 20
"""Bytes of CSV up to which all files are parsed at once; beyond, they are read twice and never held."""
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvTables:
    """What settling found.

    Attributes:
        schema: Columns and types of every file.
        tables: Rows by uri, where the files were small enough to keep.
    """

    schema: pa.Schema
    tables: Mapping[str, pa.Table]


def settle(
    files: Sequence[tuple[str, SourceFile]], form: CsvFormat, declared: Mapping[str, pa.DataType]
) -> CsvTables:
    """Find the types of all columns over all files.

    Args:
        files: Uri and size of each.
        form: How they are written.
        declared: Types that are known already, by column.

    Raises:
        SourceFormatError: A file is empty, ragged, not text of that encoding, or holds NUL bytes.
        SourceHeaderError: A header has empty or doubled names, or names other than those of the first file.
        SourceTypeError: A cell does not fit its declared type.
    """
    form.require_usable(at=files[0][0])
    headers = {uri: _header(uri, form) for uri, _ in files}
    first = files[0][0]
    for uri, names in headers.items():
        _require_same_columns(headers[first], names, first, uri)
    declared = {name: held for name, held in declared.items() if name in headers[first]}
    small = sum(file.size * (20 if compression(uri) else 1) for uri, file in files) <= _IN_MEMORY
    found = Widest()
    if small:
        tables = {uri: _whole_table(uri, form, declared) for uri, _ in files}
        for uri, table in tables.items():
            found.add({field.name: field.type for field in table.schema}, at=uri)
    else:
        tables = {}
        for uri, _ in files:
            found.add(_scan(uri, form, headers[uri], declared), at=uri)
    schema = as_schema({name: found.types[name] for name in headers[first]})
    return CsvTables(
        schema=schema, tables={uri: _retyped(uri, table, schema, form) for uri, table in tables.items()}
    )


def read_batches(uri: str, settled: CsvTables, form: CsvFormat) -> Iterator[pa.RecordBatch]:
    """Rows of one file in batches of the settled types.

    Raises:
        SourceFormatError: The file is damaged further on.
        SourceTypeError: A cell does not fit its type.
    """
    if uri in settled.tables:
        yield from settled.tables[uri].to_batches(65_536)
        return
    types = {field.name: field.type for field in settled.schema}
    for batch in _stream(uri, form, types):
        yield select(batch, settled.schema.names)


def _whole_table(uri: str, form: CsvFormat, declared: Mapping[str, pa.DataType]) -> pa.Table:
    """One file at once: pyarrow then widens by itself, from the text; what it takes for dates stays text."""
    with open_text(uri, form) as file, explain(uri, form, declared):
        content = file.read()
        table = _parse(content, form, declared)
        odd = {
            field.name: pa.string()
            for field in table.schema
            if field.type not in {*NUMBERS, pa.string(), pa.null()} and field.name not in declared
        }
        as_text = _parse(content, form, odd, only=odd) if odd else table
    for name in odd:
        table = table.set_column(table.schema.get_field_index(name), name, as_text.column(name))
    return table


def _retyped(uri: str, table: pa.Table, schema: pa.Schema, form: CsvFormat) -> pa.Table:
    """A table in the settled types; read again where numbers are text elsewhere, to keep them as written."""
    changed = {field.name for field in schema if table.schema.field(field.name).type in NUMBERS} & {
        field.name for field in schema if pa.types.is_string(field.type)
    }
    if changed:
        table = _parse_whole(uri, form, {field.name: field.type for field in schema})
    return table.select(schema.names).cast(schema)


def _parse_whole(uri: str, form: CsvFormat, types: Mapping[str, pa.DataType]) -> pa.Table:
    with open_text(uri, form) as file, explain(uri, form, types):
        return _parse(file.read(), form, types)


def _parse(
    content: bytes, form: CsvFormat, types: Mapping[str, pa.DataType], *, only: Iterable[str] = ()
) -> pa.Table:
    reading, converting = form.read_options(), form.convert_options(types)
    reading.block_size *= 4  # all of it is in memory anyway, and few large batches are hashed faster
    converting.include_columns = list(only)
    parsing = form.parse_options(quoted=b'"' in content)
    return pa_csv.read_csv(pa.BufferReader(content), reading, parsing, converting)


def _stream(uri: str, form: CsvFormat, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    with open_text(uri, form) as text, explain(uri, form, types):
        file = Paced(text)
        for batch in pa_csv.open_csv(
            file, form.read_options(), form.parse_options(), form.convert_options(types)
        ):
            file.taken()
            yield batch


def _scan(
    uri: str, form: CsvFormat, header: Sequence[str], declared: Mapping[str, pa.DataType]
) -> dict[str, pa.DataType]:
    """Types of one file's columns, from its text: memory stays at a few blocks."""
    types: dict[str, pa.DataType] = {name: declared.get(name, pa.null()) for name in header}

    def narrowest(batch: pa.RecordBatch) -> dict[str, pa.DataType]:
        asked = [name for name in header if name not in declared and types[name] != pa.string()]
        return {name: _narrowest(batch.column(batch.schema.get_field_index(name))) for name in asked}

    for found in in_order(narrowest, _stream(uri, form, dict.fromkeys(header, pa.string()))):
        for name, held in found.items():
            types[name] = widen(types[name], held)
    return types


def _narrowest(text: pa.Array) -> pa.DataType:
    if text.null_count == len(text):
        return pa.null()
    trimmed = pc.utf8_trim_whitespace(text)
    for number in NUMBERS:
        try:
            trimmed.cast(number)
        except pa.ArrowInvalid:
            continue
        return number
    return pa.string()


def _header(uri: str, form: CsvFormat) -> list[str]:
    """Column names; read apart from the rows, so that it costs one line whatever the file's size."""
    encoding = "utf-8-sig" if form.encoding.lower() in {"utf-8", "utf8"} else form.encoding
    with open_text(uri, form) as file, explain(uri, form, {}):
        lines = csv.reader(io.TextIOWrapper(file, encoding, newline=""), delimiter=form.delimiter)
        names = next((row for row in lines if row), None)
    if names is None:
        raise SourceFormatError(
            "the file is empty", at=uri, fix="deliver it again, with a header and at least one row"
        )
    _require_usable(names, uri)
    _require_delimiter(names, form, uri)
    return names


def _require_delimiter(names: Sequence[str], form: CsvFormat, uri: str) -> None:
    """One name with another delimiter in it is a row that nobody divided."""
    other = next((mark for mark in _DELIMITERS if mark != form.delimiter and mark in names[0]), None)
    if len(names) == 1 and other is not None:
        raise SourceHeaderError(
            f"the header is one column, {names[0][:60]!r}, with {other!r} in its name",
            at=f"{uri}:1",
            fix=f"pass delimiter={other!r}, or rename the column",
        )


def _require_usable(names: Sequence[str], uri: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if "" in names:
        raise SourceHeaderError(
            f"column {list(names).index('') + 1} has no name",
            at=f"{uri}:1",
            fix="name every column in the header",
        )
    if twice:
        raise SourceHeaderError(
            f"column {twice[0]} is there {names.count(twice[0])} times",
            at=f"{uri}:1",
            fix="rename one of them",
        )


def _require_same_columns(wanted: Sequence[str], got: Sequence[str], first: str, uri: str) -> None:
    lacking, more = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
    if lacking or more:
        raise SourceHeaderError(
            "the files of the source have different columns",
            lacks=", ".join(lacking),
            adds=", ".join(more),
            first=first,
            at=f"{uri}:1",
            fix="deliver files with one header, or ingest them one by one",
        )
