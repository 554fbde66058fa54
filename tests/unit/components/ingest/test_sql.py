"""`ingest_sql` on real databases: SQLite, and PostgreSQL from PyPI."""

import datetime
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_components.errors import (
    EmptySplitError,
    QueryError,
    SourceHeaderError,
    SourceTypeError,
    SpanNotGivenError,
    SplitError,
)
from pipeline_components.ingest import HashSplit, ingest_sql
from pipeline_components.ingest._sql_reader import database_of
from pipeline_components.ingest.sql import fingerprint_rows
from pipeline_lib import Examples, Secret, workspace
from postgres_server import own_server

DAY = datetime.date(2013, 1, 2)
BY_DAY = "SELECT * FROM flights WHERE at >= :span_begin AND at < :span_end ORDER BY at"
URL = Secret("env:TEST_DATABASE")


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    monkeypatch.setenv("TEST_DATABASE", f"sqlite:///{tmp_path}/x.db")
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE flights (at TEXT, n INTEGER, d REAL, s TEXT, late TEXT)")
        connection.executemany(
            "INSERT INTO flights VALUES (?, ?, ?, ?, NULL)",
            [(f"2013-01-0{day} 05:00:00", day, day / 2, f"s{day}") for day in (1, 2, 2, 3)],
        )
        connection.commit()
        yield connection
    connection.close()


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Callable[..., Examples]]:
    def run(query: Any, **given: Any) -> Examples:
        given.setdefault("splits", HashSplit(buckets={"train": 1}) if isinstance(query, str) else None)
        return ingest_sql.run(url=URL, query=query, **given)

    with workspace(tmp_path / "staging"):
        yield run


def _table(examples: Examples, split: str = "train") -> pa.Table:
    return pq.read_table(str(examples.split_path(split)))


@pytest.mark.usefixtures("sqlite")
def test_sqlite_gives_the_rows_of_a_day(ingest: Callable[..., Examples]) -> None:
    examples = ingest(BY_DAY, span=DAY)
    assert (examples.span, examples.rows) == (15707, {"train": 2})
    assert _table(examples).to_pylist()[0] == {
        "at": "2013-01-02 05:00:00", "n": 2, "d": 1.0, "s": "s2", "late": None,
    }  # fmt: skip


def test_types_that_change_after_the_first_block(
    ingest: Callable[..., Examples], sqlite: sqlite3.Connection
) -> None:
    sqlite.execute("CREATE TABLE odd (i, t, empty)")
    sqlite.executemany(
        "INSERT INTO odd VALUES (?, ?, NULL)", [(1, 1), (2, None), (2.5, 3), (None, "x"), (3, 7)]
    )
    sqlite.commit()
    table = _table(ingest("SELECT * FROM odd", fetch_rows=2))
    assert table.to_pydict() == {
        "i": [1.0, 2.0, 2.5, None, 3.0],
        "t": ["1", None, "3", "x", "7"],
        "empty": [None] * 5,
    }


@pytest.mark.usefixtures("sqlite")
def test_a_query_for_each_split(ingest: Callable[..., Examples]) -> None:
    queries = {"eval": "SELECT n FROM flights WHERE n = 1", "train": "SELECT n FROM flights WHERE n > 1"}
    examples = ingest(queries)
    assert examples.rows == {"train": 3, "eval": 1}
    with pytest.raises(SplitError, match="queries make the splits"):
        ingest(queries, splits=HashSplit())


@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize(
    ("query", "error", "why"),
    [
        ("SELECT * FROM nowhere", QueryError, "no such table: nowhere"),
        ("SELECT * FROM flights WHERE n = :day", QueryError, "names :day, which nobody binds"),
        (BY_DAY, SpanNotGivenError, "no span was asked for"),
        ("SELECT n, n FROM flights", SourceHeaderError, "two columns n"),
        ("SELECT n FROM flights WHERE n > 9", EmptySplitError, "split train has no rows"),
    ],
)
def test_queries_that_cannot_be(
    ingest: Callable[..., Examples], query: str, error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        ingest(query)


def test_a_url_that_is_none_is_not_shown(
    ingest: Callable[..., Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE", "hunter2@nowhere")
    with pytest.raises(QueryError, match="no SQLAlchemy url") as caught:
        ingest("SELECT 1")
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"


def test_the_state_follows_the_fingerprint_or_is_always_new(sqlite: sqlite3.Connection) -> None:
    asked = {"url": str(URL), "fingerprint": "SELECT count(*) FROM flights", "span": None}
    before = fingerprint_rows(asked)
    assert fingerprint_rows(asked) == before
    sqlite.execute("INSERT INTO flights (n) VALUES (9)")
    sqlite.commit()
    assert fingerprint_rows(asked) != before
    assert fingerprint_rows({"url": str(URL)}) != fingerprint_rows({"url": str(URL)})


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql+psycopg://ann:s3cret@db.example:5432/flights", "postgresql://db.example:5432/flights"),
        ("postgresql://db.example/flights?sslpassword=s3cret", "postgresql://db.example/flights"),
        ("postgresql://ann@/flights?password=s3cret&host=/run/pg", "postgresql:///flights?host=%2Frun%2Fpg"),
        ("mysql+pymysql://ann:s3cret@db.example/flights", "mysql://db.example/flights"),
        ("mssql+pyodbc:///?odbc_connect=SERVER%3Dx%3BPWD%3Ds3cret", "mssql:///"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
    ],
)
def test_a_database_s_place_counts_and_what_opens_it_does_not(
    url: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE", url)
    assert database_of(URL) == place


def test_an_equal_state_of_another_database_is_another_key(
    sqlite: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"url": str(URL), "fingerprint": "SELECT count(*) FROM flights"}
    here = fingerprint_rows(asked)
    shutil.copy(tmp_path / "x.db", tmp_path / "y.db")
    monkeypatch.setenv("TEST_DATABASE", f"sqlite:///{tmp_path}/y.db")
    there = fingerprint_rows(asked)
    assert here["state"] == there["state"]
    assert (here["database"], there["database"]) == (
        f"sqlite:///{tmp_path}/x.db",
        f"sqlite:///{tmp_path}/y.db",
    )
    monkeypatch.setenv("TEST_DATABASE", "no url")
    with pytest.raises(QueryError, match="holds no SQLAlchemy url"):
        fingerprint_rows(asked)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with own_server() as server:
        yield server.url("postgres")


def test_postgresql_types_and_bounds(
    ingest: Callable[..., Examples], postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgres) as connection:
        connection.execute("DROP TABLE IF EXISTS flights")
        connection.execute(
            "CREATE TABLE flights (at timestamptz, day date, n smallint, m numeric(10,2), d float8, "
            "b boolean, s text, id uuid, raw bytea, many int[], never text)"
        )
        connection.execute(
            "INSERT INTO flights SELECT '2013-01-02 00:00:00Z'::timestamptz + i * interval '1 second', "
            "'2013-01-02', i % 7, i / 4.0, i / 2.0, i % 2 = 0, 's' || i, "
            "'00000000-0000-0000-0000-000000000001', '\\xff', ARRAY[i, 1] FROM generate_series(0, 99999) AS i"
        )
    monkeypatch.setenv("TEST_DATABASE", postgres.replace("postgresql://", "postgresql+psycopg://", 1))
    examples = ingest(BY_DAY, span=DAY)
    assert examples.rows == {"train": 86_400}
    table = _table(examples)
    assert table.slice(1, 1).to_pylist() == [
        {
            "at": "2013-01-02T00:00:01Z",
            "day": "2013-01-02",
            "n": 1,
            "m": 0.25,
            "d": 0.5,
            "b": 0,
            "s": "s1",
            "id": "00000000-0000-0000-0000-000000000001",
            "raw": b"\xff",
            "many": [1, 1],
            "never": None,
        }
    ]
    with pytest.raises(QueryError, match='relation "nowhere" does not exist'):
        ingest("SELECT * FROM nowhere")
    with pytest.raises(SourceTypeError, match="column j is of a type that cannot be stored"):
        ingest("""SELECT '{"a": 1}'::json AS j""")
