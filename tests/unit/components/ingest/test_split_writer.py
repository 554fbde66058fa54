"""Batches dealt out to splits, several at a time."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_components.errors import MissingColumnError
from pipeline_components.ingest._split_writer import write_examples
from pipeline_components.ingest.sources import WHOLE
from pipeline_components.ingest.splits import HashSplit
from pipeline_lib import workspace

SCHEMA = pa.schema([("n", pa.int64())])


def batches(count: int, rows: int = 7) -> Iterator[pa.RecordBatch]:
    for number in range(count):
        values = pa.array(range(number * rows, (number + 1) * rows))
        yield pa.RecordBatch.from_arrays([values], schema=SCHEMA)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_rows_keep_their_order_and_none_is_lost(tmp_path: Path, count: int) -> None:
    with workspace(tmp_path / "staging"):
        examples = write_examples({WHOLE: batches(count, rows=20)}, SCHEMA, split=HashSplit())
        found = {
            name: pq.read_table(examples.split_path(name))["n"].to_pylist() for name in ("train", "eval")
        }
    assert all(rows == sorted(rows) for rows in found.values())
    assert sorted(found["train"] + found["eval"]) == list(range(20 * count))


def test_what_goes_wrong_in_a_batch_ends_it_all(tmp_path: Path) -> None:
    with workspace(tmp_path / "staging"), pytest.raises(MissingColumnError, match="key m is not a column"):
        write_examples({WHOLE: batches(9)}, SCHEMA, split=HashSplit(key="m"))


def test_so_does_what_goes_wrong_in_reading(tmp_path: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(3)
        raise OSError("the disk is gone")

    with workspace(tmp_path / "staging"), pytest.raises(OSError, match="the disk is gone"):
        write_examples({WHOLE: broken()}, SCHEMA, split=HashSplit())
