"""The component `ingest_sql`."""

import hashlib
import json
import uuid
from datetime import date
from typing import Any

from pipeline_components.ingest.splits import HashSplit
from pipeline_lib import Cache, Examples, Secret, component


def fingerprint_rows(parameters: dict[str, Any]) -> dict[str, Any]:
    """Driver of `ingest_sql`: says, for the cache key, which database is read, and which state of it.

    With a `fingerprint` query its result does; without one every run reads the database anew. Of the url
    the kind of database, host, port and name count, and where it keeps what it is asked for; user and
    password do not, and go nowhere.

    Raises:
        QueryError: The database refused the connection or the query.
        SecretReferenceError: The url's reference leads to nothing.
    """
    if not parameters.get("fingerprint"):
        return {"state": uuid.uuid4().hex}
    from pipeline_components.ingest._sql_reader import database_of, query_rows, span_bounds

    url = Secret(parameters["url"])
    rows = query_rows(url, parameters["fingerprint"], span_bounds(parameters.get("span")))
    text = json.dumps([[str(value) for value in row] for row in rows])
    return {"state": hashlib.sha256(text.encode()).hexdigest(), "database": database_of(url)}


@component(output="examples", driver=fingerprint_rows, cache=Cache(ignore=("url", "fetch_rows")))
def ingest_sql(
    *,
    url: Secret,
    query: str | dict[str, str],
    span: date | int | None = None,
    splits: HashSplit | None = None,
    fingerprint: str | None = None,
    fetch_rows: int = 65_536,
    state: str = "",
    database: str = "",
) -> Examples:
    """Ingest what a query returns from any database that SQLAlchemy knows.

    The query sees the span as bound parameters, never as text put into it: `:span_begin` and `:span_end`, the
    first day and the day after (or the number and the next one).

        SELECT * FROM flights WHERE departure >= :span_begin AND departure < :span_end

    Rows are fetched in blocks and kept on disk until all types are known. Integers and bools become int64,
    decimals double, dates and times ISO text. Which rows a database returns cannot be seen
    beforehand: without a `fingerprint` every run asks anew (and an unchanged answer leaves
    later nodes cached).

    Args:
        url: Reference to a SQLAlchemy url, `Secret("env:FLIGHTS_DB")`.
        query: One query, or one for each split.
        span: Which span's rows; becomes the examples' span.
        splits: How rows are dealt out if `query` is one; two thirds train, one third eval by default.
        fingerprint: A cheap query whose result changes when the rows do, such as
            "SELECT count(*), max(updated_at) FROM flights"; the span's bounds work here too. Another
            database (kind, host, port, name) is read anew whatever its fingerprint.
        fetch_rows: Rows fetched at a time.
        state: What the driver found; leave it out.
        database: Where it found that; leave it out.

    Returns:
        Parquet by split, with the span.

    Raises:
        QueryError: The database refused the connection or the query.
        SpanNotGivenError: The query uses the span's bounds, and none was given.
        SourceHeaderError: Two columns of the result have one name.
        SourceTypeError: A column cannot be stored.
        SplitError: `splits` beside a query for each split.
        EmptySplitError: A split would have no rows.
    """
    from pipeline_components.ingest import _sql_reader

    del state, database, fingerprint
    return _sql_reader.query_to_examples(url, query, span=span, split=splits, fetch_rows=fetch_rows)
