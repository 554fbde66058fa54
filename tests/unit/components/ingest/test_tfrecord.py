"""`ingest_tfrecord`: what TFX wrote, read back as columns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from pipeline_components.errors import SourceFormatError, SourceTypeError
from pipeline_components.ingest import HashSplit, ingest_tfrecord
from pipeline_lib import Examples, workspace

ONE = HashSplit(buckets={"train": 1})


@pytest.fixture(autouse=True)
def _staging(tmp_path: Path) -> Iterator[None]:
    with workspace(tmp_path / "staging"):
        yield


def _example(**values: Any) -> bytes:
    features = {}
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        if all(isinstance(item, int) for item in items):
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=items))
        elif all(isinstance(item, float) for item in items):
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=items))
        else:
            raw = [item if isinstance(item, bytes) else item.encode() for item in items]
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=raw))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _write(file: Path, *records: bytes) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP" if file.suffix == ".gz" else "")
    with tf.io.TFRecordWriter(str(file), options) as writer:
        for record in records:
            writer.write(record)
    return str(file)


def _table(examples: Examples, split: str = "train") -> pa.Table:
    return pq.read_table(str(examples.split_path(split)))


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_one_value_each_becomes_plain_columns(tmp_path: Path, suffix: str) -> None:
    source = _write(
        tmp_path / f"data_tfrecord-00000-of-00001{suffix}",
        _example(i=1, f=0.5, s="København", raw=b"\xff", many=[1, 2]),
        _example(i=2, f=1.5, many=[3]),
        _example(s="x", new=7),
    )
    table = _table(ingest_tfrecord.run(source=source, splits=ONE))
    assert sorted(table.column_names) == ["f", "i", "many", "new", "raw", "s"]
    assert table.select(["i", "f", "s", "raw", "many", "new"]).to_pylist() == [
        {"i": 1, "f": 0.5, "s": "København", "raw": b"\xff", "many": [1, 2], "new": None},
        {"i": 2, "f": 1.5, "s": None, "raw": None, "many": [3], "new": None},
        {"i": None, "f": None, "s": "x", "raw": None, "many": None, "new": 7},
    ]


def test_the_splits_of_tfx(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("eval", 1)):
        _write(tmp_path / f"Split-{split}" / "data.gz", *[_example(a=i) for i in range(count)])
    source = {split: f"{tmp_path}/Split-{split}/*" for split in ("eval", "train")}
    examples = ingest_tfrecord.run(source=source)
    assert examples.rows == {"train": 3, "eval": 1}


def test_files_whose_features_differ(tmp_path: Path) -> None:
    _write(tmp_path / "0.gz", _example(a=1, b="x"))
    _write(tmp_path / "1.gz", _example(a=[2, 3]))
    table = _table(ingest_tfrecord.run(source=f"{tmp_path}/*.gz", splits=ONE))
    assert table.select(["a", "b"]).to_pylist() == [{"a": [1], "b": "x"}, {"a": [2, 3], "b": None}]


def test_a_damaged_file(tmp_path: Path) -> None:
    source = _write(tmp_path / "a", *[_example(a=i) for i in range(10)])
    content = bytearray(Path(source).read_bytes())
    content[len(content) // 2] ^= 0xFF
    Path(source).write_bytes(content)
    with pytest.raises(SourceFormatError, match="damaged, or no TFRecord"):
        ingest_tfrecord.run(source=source, splits=ONE)


def test_records_that_are_no_examples(tmp_path: Path) -> None:
    with pytest.raises(SourceFormatError, match="is no tf"):
        ingest_tfrecord.run(source=_write(tmp_path / "a", b"hello"), splits=ONE)


def test_a_feature_of_two_kinds(tmp_path: Path) -> None:
    _write(tmp_path / "0", _example(a=b"\xff"))
    _write(tmp_path / "1", _example(a=1))
    with pytest.raises(SourceTypeError, match="column a is int64 here, and binary elsewhere"):
        ingest_tfrecord.run(source=f"{tmp_path}/[01]", splits=ONE)


def test_files_that_are_not_on_this_disk(tmp_path: Path) -> None:
    local = _write(tmp_path / "a.gz", _example(a=1), _example(a=2))
    files = fsspec.filesystem("memory")
    files.put(local, "/tfx/a.gz")
    try:
        assert _table(ingest_tfrecord.run(source="memory://tfx/*.gz", splits=ONE)).to_pydict() == {
            "a": [1, 2]
        }
    finally:
        files.rm("/tfx", recursive=True)
