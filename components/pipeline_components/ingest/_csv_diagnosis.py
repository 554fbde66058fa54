"""What is wrong with a CSV file, and where: read again, slowly, once pyarrow has refused it."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.csv as pa_csv

from pipeline_components.errors import SourceFormatError, SourceTypeError
from pipeline_components.ingest._csv_file import CsvFormat, open_text

_SHOWN = 200


@contextmanager
def explain(uri: str, form: CsvFormat, types: Mapping[str, pa.DataType]) -> Iterator[None]:
    """Turn pyarrow's refusal within the block into an error that names file, row and column.

    Raises:
        SourceFormatError: The file is empty, ragged, damaged, or not text of that encoding.
        SourceTypeError: A cell does not fit its column's type.
    """
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeError, LookupError, OSError, csv.Error) as error:
        raise diagnose(uri, form, types, error) from error


def diagnose(uri: str, form: CsvFormat, types: Mapping[str, pa.DataType], error: Exception) -> Exception:
    """The error to raise for what pyarrow said."""
    if isinstance(error, LookupError) and not isinstance(error, pa.ArrowKeyError):
        return SourceFormatError(
            f"Python knows no encoding {form.encoding}", at=uri, fix="use a name such as latin-1"
        )
    if "Empty CSV" in str(error):
        return SourceFormatError("the file is empty", at=uri, fix="deliver it again, with a header")
    for find in (_bad_bytes, _ragged_row, _bad_cell):
        found = find(uri, form, types)
        if found is not None:
            return found
    return SourceFormatError(f"the file cannot be read: {error}", at=uri, fix="deliver it again")


def _bad_bytes(uri: str, form: CsvFormat, types: Mapping[str, pa.DataType]) -> Exception | None:
    del types
    try:
        with fsspec.open(uri, "rb", compression="infer") as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode(form.encoding)
                except UnicodeDecodeError as error:
                    return SourceFormatError(
                        f"byte {error.object[error.start]:#04x} is not {form.encoding} text",
                        got=repr(line[max(0, error.start - 20) : error.start + 20]),
                        at=f"{uri}:{number}",
                        fix='name the encoding of the file (encoding="latin-1"), or write it as UTF-8',
                    )
    except (OSError, EOFError, UnicodeError) as error:
        return SourceFormatError(f"the file cannot be read: {error}", at=uri, fix="deliver it again")
    return None


def _ragged_row(uri: str, form: CsvFormat, types: Mapping[str, pa.DataType]) -> Exception | None:
    del types
    rows: list[Any] = []

    def note(row: Any) -> str:
        if not rows:
            rows.append((row.number, row.expected_columns, row.actual_columns, row.text))
        return "skip"

    for _ in _text_batches(uri, form, note):
        if rows:
            break
    if not rows:
        return None
    number, expected, actual, text = rows[0]
    return SourceFormatError(
        f"row {number} has {actual} cells, and the header {expected}",
        got=text[:_SHOWN],
        at=f"{uri}:{number}",
        fix="quote cells that hold the delimiter or a line break, or correct the row",
    )


def _bad_cell(uri: str, form: CsvFormat, types: Mapping[str, pa.DataType]) -> Exception | None:
    row = 2  # the header is row 1
    for batch in _text_batches(uri, form, None):
        for name, wanted in types.items():
            at = batch.schema.get_field_index(name)
            if at < 0 or pa.types.is_string(wanted):
                continue
            found = _first_unfit(batch.column(at), wanted)
            if found is not None:
                return SourceTypeError(
                    f"{batch.column(at)[found].as_py()!r} is no {wanted}",
                    column=name,
                    at=f"{uri}:{row + found}",
                    fix=f"correct the row, or the type of {name} in the schema",
                )
        row += batch.num_rows
    return None


def _first_unfit(column: pa.Array, wanted: pa.DataType) -> int | None:
    """Index of the first value that cannot be cast, by halving."""
    if _fits(column, wanted):
        return None
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(column.slice(low, middle - low), wanted):
            low = middle
        else:
            high = middle
    return low


def _fits(column: pa.Array, wanted: pa.DataType) -> bool:
    import pyarrow.compute as pc

    try:
        pc.utf8_trim_whitespace(column).cast(wanted)
    except pa.ArrowInvalid:
        return False
    return True


def _text_batches(uri: str, form: CsvFormat, handler: Any) -> Iterator[pa.RecordBatch]:
    parse = pa_csv.ParseOptions(
        delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=handler or (lambda _: "skip")
    )
    read = form.read_options()
    read.use_threads = False
    with open_text(uri, form) as file:
        names = pa_csv.open_csv(file, read, parse).schema.names
    with open_text(uri, form) as file:
        yield from pa_csv.open_csv(file, read, parse, form.convert_options(dict.fromkeys(names, pa.string())))
