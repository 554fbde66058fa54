"""`ingest_parquet`: foreign types settle into ours, files may differ."""

import datetime
import decimal
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_components.errors import MissingColumnError, SourceFormatError, SourceTypeError
from pipeline_components.ingest import HashSplit, ingest_parquet
from pipeline_lib import Examples, Schema, workspace


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Callable[..., pa.Table]]:
    def run(*tables: pa.Table, **given: Any) -> pa.Table:
        for index, table in enumerate(tables):
            pq.write_table(table, f"{tmp_path}/{index}.parquet")
        examples: Examples = ingest_parquet.run(
            source=f"{tmp_path}/*.parquet", splits=HashSplit(buckets={"train": 1}), **given
        )
        return pq.read_table(str(examples.split_path("train")))

    with workspace(tmp_path / "staging"):
        yield run


def test_types_become_ours(ingest: Callable[..., pa.Table]) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moment = datetime.datetime(2013, 1, 2, 3, 4, 5)
    table = ingest(
        pa.table(
            {
                "i": pa.array([1, None], pa.int16()),
                "u": pa.array([2, 3], pa.uint32()),
                "f": pa.array([0.5, None], pa.float32()),
                "d": pa.array([0.5, None]),
                "m": pa.array([decimal.Decimal("1.25"), None]),
                "b": pa.array([True, None]),
                "s": pa.array(["x", None], pa.large_string()),
                "c": pa.array(["x", "y"]).dictionary_encode(),
                "raw": pa.array([b"\xff", None]),
                "day": pa.array([datetime.date(2013, 1, 2), None]),
                "at": pa.array([moment, None], pa.timestamp("us")),
                "fine": pa.array([moment.replace(microsecond=7), None], pa.timestamp("us")),
                "zoned": pa.array([moment.replace(tzinfo=zone), None], pa.timestamp("ms", "Europe/Oslo")),
                "time": pa.array([datetime.time(3, 4, 5), None], pa.time32("s")),
                "many": pa.array([[1, 2], None], pa.list_(pa.int32())),
                "none": pa.nulls(2),
            }
        )
    )
    assert table.slice(0, 1).to_pylist() == [
        {
            "i": 1,
            "u": 2,
            "f": 0.5,
            "d": 0.5,
            "m": 1.25,
            "b": 1,
            "s": "x",
            "c": "x",
            "raw": b"\xff",
            "day": "2013-01-02",
            "at": "2013-01-02T03:04:05",
            "fine": "2013-01-02T03:04:05.000007",
            "zoned": "2013-01-02T01:04:05Z",
            "time": "03:04:05",
            "many": [1, 2],
            "none": None,
        }
    ]
    assert {str(field.type) for field in table.schema} == {
        "int64", "float", "double", "string", "binary", "list<item: int64>"
    }  # fmt: skip


def test_files_widen_each_other(ingest: Callable[..., pa.Table]) -> None:
    table = ingest(
        pa.table({"a": [1], "b": ["x"]}), pa.table({"a": [1.5], "c": [7]}), pa.table({"b": pa.nulls(1)})
    )
    assert table.to_pylist() == [
        {"a": 1.0, "b": "x", "c": None},
        {"a": 1.5, "b": None, "c": 7},
        {"a": None, "b": None, "c": None},
    ]


def test_columns_are_taken_in_their_order(ingest: Callable[..., pa.Table]) -> None:
    table = pa.table({"a": [1], "b": [2], "odd": [{"x": 1}]})
    assert ingest(table, columns=["b", "a"]).column_names == ["b", "a"]
    with pytest.raises(MissingColumnError, match="no column z"):
        ingest(table, columns=["z"])


def test_nested_columns_are_refused_by_name(ingest: Callable[..., pa.Table]) -> None:
    with pytest.raises(SourceTypeError, match="column odd is of a type"):
        ingest(pa.table({"odd": [{"x": 1}]}))


def test_a_number_too_large(ingest: Callable[..., pa.Table]) -> None:
    with pytest.raises(SourceTypeError, match="column u cannot be stored as int64"):
        ingest(pa.table({"u": pa.array([2**63], pa.uint64())}))


def test_a_schema_gives_empty_columns_a_type(ingest: Callable[..., pa.Table], tmp_path: Path) -> None:
    (tmp_path / "schema.pbtxt").write_text('feature { name: "n" type: INT }')
    table = ingest(pa.table({"n": pa.nulls(1)}), schema=Schema.at(tmp_path))
    assert table.schema.field("n").type == pa.int64()


def test_a_file_that_is_no_parquet(ingest: Callable[..., pa.Table], tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(SourceFormatError, match=re.escape("cannot read as Parquet")) as caught:
        ingest()
    assert str(caught.value.at).endswith("x.parquet")
