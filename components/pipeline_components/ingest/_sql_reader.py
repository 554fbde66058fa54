"""Reading a query's rows in blocks, with the driver's own types."""

import datetime
import decimal
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from pipeline_components.errors import (
    QueryError,
    SourceHeaderError,
    SourceTypeError,
    SpanNotGivenError,
    SplitError,
)
from pipeline_components.ingest.sources import WHOLE
from pipeline_components.ingest.splits import HashSplit, in_order, require_split_names
from pipeline_lib import Examples, Secret
from pipeline_lib.spans import span_of_date

if TYPE_CHECKING:
    import pyarrow as pa

_BOUND = re.compile(r"(?<![:\w\\]):(\w+)")
_PLACES = frozenset({"host", "port", "dbname", "service", "service_name", "schema", "options", "unix_socket"})
"""What a url's query may say about where rows are; all else may be a credential."""
Bounds = Mapping[str, Any]


def span_bounds(span: Any) -> dict[str, Any]:
    """`span_begin` and `span_end` (exclusive) of a date, ISO text or number; nothing for None."""
    if span is None:
        return {}
    if isinstance(span, str):
        span = datetime.date.fromisoformat(span)
    if isinstance(span, datetime.date):
        return {"span_begin": span, "span_end": span + datetime.timedelta(days=1)}
    return {"span_begin": span, "span_end": span + 1}


def database_of(url: Secret) -> str:
    """Which database a url leads to, without what lets one in: `postgresql://host:5432/name`.

    Raises:
        QueryError: The secret holds no url.
    """
    whole = _parsed(url)
    return sa.URL.create(
        whole.get_backend_name(),
        host=whole.host,
        port=whole.port,
        database=whole.database,
        query={name: whole.query[name] for name in sorted(_PLACES & set(whole.query))},
    ).render_as_string()


def _parsed(url: Secret) -> sa.URL:
    try:
        return sa.make_url(url.reveal())
    except (ArgumentError, ValueError):
        raise _no_url(url) from None


def _no_url(url: Secret) -> QueryError:
    return QueryError(
        "the secret holds no SQLAlchemy url, or one for a driver that is not installed",
        at=str(url),
        needs="dialect+driver://user:password@host/database",
        fix="correct the secret, or install the driver",
    )


def query_rows(url: Secret, query: str, bounds: Bounds) -> list[Sequence[Any]]:
    """All rows of a small result.

    Raises:
        QueryError: The database refused the connection or the query.
        SpanNotGivenError: The query uses bounds that are not given.
    """
    with _connected(url, query) as connection:
        return [tuple(row) for row in connection.execute(*_bound(connection, query, bounds))]


def query_to_examples(
    url: Secret, query: str | Mapping[str, str], *, span: Any, split: HashSplit | None, fetch_rows: int
) -> Examples:
    """Ingest the rows; errors as `ingest_sql` tells."""
    from pipeline_components.ingest._split_writer import write_examples
    from pipeline_components.ingest._spool import Spool

    queries = {WHOLE: query} if isinstance(query, str) else {name: query[name] for name in in_order(query)}
    if not isinstance(query, str):
        require_split_names(query)
        if split is not None or not query:
            raise SplitError(
                "the queries make the splits", got=", ".join(query), fix="drop splits=, or give one query"
            )
    bounds = span_bounds(span)
    number = span_of_date(bounds["span_begin"]) if isinstance(span, datetime.date) else span or 0
    with Spool() as spool:
        parts = {
            name: spool.fill(_batches(url, text, bounds, fetch_rows), at=text)
            for name, text in queries.items()
        }
        return write_examples(
            {name: spool.batches(part) for name, part in parts.items()},
            spool.schema,
            split=split or HashSplit(),
            span=number,
            source="; ".join(queries.values()),
        )


def _batches(url: Secret, query: str, bounds: Bounds, fetch_rows: int) -> Iterator["pa.RecordBatch"]:
    with _connected(url, query) as connection:
        streaming = connection.execution_options(stream_results=True, max_row_buffer=fetch_rows)
        result = streaming.execute(*_bound(connection, query, bounds))
        names = list(result.keys())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SourceHeaderError(
                f"the result has two columns {twice[0]}", at=query, fix="name one of them otherwise, with AS"
            )
        first = True
        for rows in result.partitions(fetch_rows):
            first = False
            yield _as_batch(names, list(zip(*rows, strict=True)))
        if first:  # no rows: the columns still count, if another split has some
            yield _as_batch(names, [() for _ in names])


def _as_batch(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> "pa.RecordBatch":
    import pyarrow as pa

    from pipeline_components.ingest._types import stored_type, to_stored

    arrays = []
    for name, values in zip(names, columns, strict=True):
        array = _as_array(name, values)
        arrays.append(to_stored(array, stored_type(name, array.type, at="the query's result")))
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _as_array(name: str, values: Sequence[Any]) -> "pa.Array":
    """A column of Python values; SQLite lets one column hold numbers and text, which then becomes text."""
    import pyarrow as pa

    kinds = {type(value) for value in values} - {type(None)}
    if decimal.Decimal in kinds and kinds <= {decimal.Decimal, int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if uuid.UUID in kinds:
        values = [None if value is None else str(value) for value in values]
    try:
        return pa.array(values, pa.float64()) if kinds == {int, float} else pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        if kinds <= {int, float, str, bool, decimal.Decimal}:
            return pa.array([None if value is None else str(value) for value in values], pa.string())
    except (pa.ArrowNotImplementedError, OverflowError):
        pass
    raise SourceTypeError(
        f"column {name} cannot be stored",
        got=", ".join(sorted(kind.__name__ for kind in kinds)),
        fix=f"CAST({name} AS text) in the query",
    )


def _bound(connection: sa.Connection, query: str, bounds: Bounds) -> tuple[sa.TextClause, dict[str, Any]]:
    named = set(_BOUND.findall(query))
    unknown = sorted(named - {"span_begin", "span_end"})
    if unknown:
        raise QueryError(
            f"the query names :{unknown[0]}, which nobody binds",
            at=query,
            fix="use :span_begin and :span_end; write a colon as \\:",
        )
    if named and not bounds:
        raise SpanNotGivenError(
            "the query names the span's bounds, and no span was asked for", at=query, fix="pass span=day"
        )
    given = {name: bounds[name] for name in named}
    if connection.dialect.name == "sqlite":  # it has no dates: they are ISO text there
        given = {name: str(v) if isinstance(v, datetime.date) else v for name, v in given.items()}
    return sa.text(query), given


@contextmanager
def _connected(url: Secret, query: str) -> Iterator[sa.Connection]:
    """A connection for the block; neither the url nor its password gets into an error."""
    try:
        engine = sa.create_engine(_parsed(url))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError):
        raise _no_url(url) from None
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error)
        if engine.url.password:
            said = said.replace(str(engine.url.password), "***")
        raise QueryError(
            f"the database refused: {said}",
            database=engine.url.database,
            at=query,
            fix="mend the query or the access",
        ) from None
    finally:
        engine.dispose()
