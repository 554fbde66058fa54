"""The component `ingest_parquet`."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pipeline_components.ingest.sources import FILE_INGEST, Found, find_files
from pipeline_components.ingest.splits import HashSplit
from pipeline_lib import Examples, Schema, component


@component(output="examples", driver=find_files, cache=FILE_INGEST)
def ingest_parquet(
    schema: Schema | None = None,
    *,
    source: str | dict[str, str],
    span: date | int | Literal["latest"] | None = None,
    version: int | None = None,
    splits: HashSplit | None = None,
    missing: Literal["fail", "wait"] = "fail",
    wait_seconds: float = 3600.0,
    poll_seconds: float = 10.0,
    columns: Sequence[str] = (),
    found: Found | None = None,
    located: dict[str, dict[str, str]] | None = None,
) -> Examples:
    """Ingest Parquet files.

    Integers and bools become int64, decimals double, dates and times ISO text (`2013-01-01`,
    `2013-01-01T05:00:00`, with `Z` where a time zone is known), dictionaries what they hold; lists of
    these stay lists. A column that a file lacks is missing in its rows.

    Args:
        schema: Widens columns, and types those without a value.
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
        columns: Those to take, in that order; empty: all.
        found: What the driver found; leave it out.
        located: Where, and last written when; leave it out.

    Returns:
        Parquet by split, with span and version.

    Raises:
        PatternError, SpanNotGivenError, MissingSpanError, NoSourceFilesError: The files cannot be found.
        SourceFormatError: A file is not Parquet or is damaged.
        SourceTypeError: A column is nested, or differs between files beyond what one type can hold.
        MissingColumnError: `columns` names one that a file lacks.
        EmptySplitError: A split would have no rows.
    """
    from pipeline_components.ingest import _executor

    given = {"source": source, "span": span, "version": version, "splits": splits, "missing": missing}
    files = _executor.find(
        found, located, {**given, "wait_seconds": wait_seconds, "poll_seconds": poll_seconds}
    )
    return _executor.parquet_to_examples(
        *files, schema=schema, split=splits, columns=columns, source=str(source)
    )
