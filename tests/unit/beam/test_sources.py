"""Work items are row groups; workers read them, from anywhere fsspec reaches."""

import pickle
from pathlib import Path

import apache_beam as beam
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipeline_lib.beam.runner import beam_pipeline
from pipeline_lib.beam.sources import (
    ReadBatches,
    ReadOptions,
    ReadRowGroup,
    RowGroup,
    read_row_group,
    row_groups,
)
from pipeline_lib.errors import NoParquetFilesError, ParquetReadError


@pytest.fixture
def folder(tmp_path: Path) -> str:
    table = pa.table({"a": list(range(10)), "b": [f"s{i}" for i in range(10)]})
    pq.write_table(table, f"{tmp_path}/1.parquet", row_group_size=4)
    pq.write_table(table.slice(0, 3), f"{tmp_path}/0.parquet")
    (tmp_path / "notes.txt").write_text("not data")
    return str(tmp_path)


def test_every_row_group_in_the_order_of_names(folder: str) -> None:
    assert row_groups(folder) == [
        RowGroup(f"{folder}/0.parquet", 0, 3),
        RowGroup(f"{folder}/1.parquet", 0, 4),
        RowGroup(f"{folder}/1.parquet", 1, 4),
        RowGroup(f"{folder}/1.parquet", 2, 2),
    ]
    assert row_groups(f"file://{folder}") == row_groups(folder)


def test_columns_come_in_the_order_asked_for(folder: str) -> None:
    options = ReadOptions(columns=("b", "a"), as_lists=False, batch_rows=3)
    batches = list(read_row_group(RowGroup(f"{folder}/1.parquet", 1, 4), options))
    assert [batch.to_pydict() for batch in batches] == [
        {"b": ["s4", "s5", "s6"], "a": [4, 5, 6]},
        {"b": ["s7"], "a": [7]},
    ]


def test_a_pipeline_reads_everything_once(folder: str) -> None:
    with beam_pipeline() as root:
        values = (
            root
            | ReadBatches(folder, columns=["a"])
            | beam.FlatMap(lambda b: b.column(0).flatten().to_pylist())
        )
        assert_that(values, equal_to([*range(10), *range(3)]))


def test_files_that_are_not_on_this_disk() -> None:
    files = fsspec.filesystem("memory")
    with files.open("/bucket/Split-train/0.parquet", "wb") as file:
        pq.write_table(pa.table({"a": [1, 2]}), file)
    try:
        (item,) = row_groups("memory://bucket/Split-train")
        assert [b.to_pydict() for b in read_row_group(item, ReadOptions(as_lists=False))] == [{"a": [1, 2]}]
    finally:
        files.rm("/bucket", recursive=True)


def test_what_goes_to_workers_pickles() -> None:
    assert pickle.loads(pickle.dumps(RowGroup("x", 0, 1))) == RowGroup("x", 0, 1)
    assert isinstance(pickle.loads(pickle.dumps(ReadRowGroup(ReadOptions()))), ReadRowGroup)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(NoParquetFilesError, match="no Parquet files"):
        row_groups(str(tmp_path))
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(ParquetReadError, match="cannot read as Parquet"):
        row_groups(str(tmp_path))
