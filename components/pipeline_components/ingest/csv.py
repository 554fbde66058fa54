"""The component `ingest_csv`."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pipeline_components.ingest.sources import FILE_INGEST, Found, find_files
from pipeline_components.ingest.splits import HashSplit
from pipeline_lib import Examples, Schema, component


@component(output="examples", driver=find_files, cache=FILE_INGEST)
def ingest_csv(
    schema: Schema | None = None,
    *,
    source: str | dict[str, str],
    span: date | int | Literal["latest"] | None = None,
    version: int | None = None,
    splits: HashSplit | None = None,
    missing: Literal["fail", "wait"] = "fail",
    wait_seconds: float = 3600.0,
    poll_seconds: float = 10.0,
    delimiter: str = ",",
    encoding: str = "utf-8",
    nulls: Sequence[str] = (),
    found: Found | None = None,
    located: dict[str, dict[str, str]] | None = None,
) -> Examples:
    """Ingest CSV files with one header each, plain or compressed (.gz, .bz2, .zst).

    Types are settled over all files of the span before any row is converted: int64, double or text. What
    else pyarrow would make of a column (dates, times, bools) stays the text that stands in the file. Empty
    cells are missing values. A leading zero is lost in a column of whole numbers: declare it BYTES in a
    schema to keep it.

    Args:
        schema: Types of columns; those it does not name are inferred.
        source: A glob, a directory or a file, with {SPAN}, {SPAN:3}, {VERSION} or {YYYY} {MM} {DD}
            in it; or one for each split, `{"train": ..., "eval": ...}`.
        span: Which span to take, a date or a number; "latest" takes the newest when the run starts.
            Needed if the source names spans: a run must not depend on the day it is repeated.
        version: Which version of the span; None: the newest.
        splits: How rows are dealt out if `source` is one pattern; two thirds train, one third eval by
            default.
        missing: Whether a span without files fails at once or waits for them.
        wait_seconds: How long to wait at most.
        poll_seconds: Between two looks; a file counts once nobody has written to it for as long.
        delimiter: Between cells.
        encoding: As Python names it.
        nulls: Cells that mean "missing" besides the empty one, such as "NA".
        found: What the driver found; leave it out.
        located: Where, and last written when; leave it out.

    Returns:
        Parquet by split, with span and version.

    Raises:
        PatternError, SpanNotGivenError, MissingSpanError, NoSourceFilesError: The files cannot be found.
        SourceFormatError: A file is empty, ragged, damaged or not text of that encoding.
        SourceHeaderError: Column names are empty, doubled, or differ between files.
        SourceTypeError: A cell does not fit its type in the schema.
        EmptySplitError: A split would have no rows.
    """
    from pipeline_components.ingest import _executor
    from pipeline_components.ingest._csv_file import CsvFormat

    given = {"source": source, "span": span, "version": version, "splits": splits, "missing": missing}
    files = _executor.find(
        found, located, {**given, "wait_seconds": wait_seconds, "poll_seconds": poll_seconds}
    )
    return _executor.csv_to_examples(
        *files,
        schema=schema,
        split=splits,
        form=CsvFormat(delimiter=delimiter, encoding=encoding, nulls=tuple(nulls)),
        source=str(source),
    )
