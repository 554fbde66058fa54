"""The Parquet sink: full row groups, final names only at the end, tries that failed leave nothing."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_lib.beam.runner import beam_pipeline
from pipeline_lib.beam.sinks import WriteBatches, WriteBundle, WrittenFile, publish


class _Batches(beam.DoFn):
    def process(self, element: int) -> Iterator[pa.RecordBatch]:
        for start in range(0, element, 1000):
            yield pa.RecordBatch.from_pydict({"a": list(range(start, min(start + 1000, element)))})


def test_small_batches_make_full_row_groups(tmp_path: Path) -> None:
    with beam_pipeline() as root:
        root | beam.Create([70_000]) | beam.ParDo(_Batches()) | WriteBatches(str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["part-00000.parquet"]
    file = pq.ParquetFile(f"{tmp_path}/part-00000.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [65_536, 4_464]
    assert file.read()["a"].to_pylist() == list(range(70_000))


def test_a_failing_pipeline_publishes_nothing(tmp_path: Path) -> None:
    def explode(batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.column(0)[0].as_py() >= 2000:
            raise ValueError("no more")
        return batch

    with pytest.raises(Exception, match="no more"), beam_pipeline() as root:
        root | beam.Create([3000]) | beam.ParDo(_Batches()) | beam.Map(explode) | WriteBatches(str(tmp_path))
    assert list(tmp_path.glob("*.parquet")) == []


def test_names_follow_content_and_lost_tries_are_dropped(tmp_path: Path) -> None:
    for name in ("x", "y", "lost"):
        (tmp_path / f".{name}.part").write_text(name)
    written = [WrittenFile(f"{tmp_path}/.x.part", 2, "b"), WrittenFile(f"{tmp_path}/.y.part", 3, "a")]
    assert publish(written, str(tmp_path)) == {"part-00000.parquet": 3, "part-00001.parquet": 2}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["part-00000.parquet", "part-00001.parquet"]
    assert (tmp_path / "part-00000.parquet").read_text() == "y"


def test_the_do_fn_pickles() -> None:
    assert isinstance(pickle.loads(pickle.dumps(WriteBundle("x"))), WriteBundle)
