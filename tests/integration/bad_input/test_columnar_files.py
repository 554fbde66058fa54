"""Parquet and TFRecord files that are damaged, empty, something else, or unlike their neighbours."""

import struct
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from integration.bad_input.conftest import Case, Refused

pytestmark = pytest.mark.xdist_group("bad-input")

TABLE = pa.table({"id": list(range(40)), "text": [f"text {row}" for row in range(40)]})


def parquet(name: str = "in.parquet", table: pa.Table = TABLE, *, spoil: Callable[[bytes], bytes] = bytes):
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        pq.write_table(table, folder / name)
        (folder / name).write_bytes(spoil((folder / name).read_bytes()))

    return write


def flipped(data: bytes) -> bytes:
    return data[:60] + b"\xff" * 30 + data[90:]


def refused_parquet(name: str, spoil: Callable[[Path], object], code: str, place: str, fix: str) -> Case:
    return Case(name, spoil, code, place, fix, "parquet", ("source=in.parquet",))


PARQUET = [
    refused_parquet("no file", lambda _: None, "PC104", "in.parquet", "check its path"),
    refused_parquet(
        "cut short", parquet(spoil=lambda b: b[:-200]), "PC109", "in.parquet", "deliver it again"
    ),
    refused_parquet("empty", parquet(spoil=lambda _: b""), "PC109", "in.parquet", "deliver it again"),
    refused_parquet("a CSV", parquet(spoil=lambda _: b"id\n1\n"), "PC109", "in.parquet", "deliver it again"),
    refused_parquet("a damaged page", parquet(spoil=flipped), "PC109", "in.parquet", "deliver it again"),
    refused_parquet("no rows", parquet(table=TABLE.slice(0, 0)), "PC108", "in.parquet", "check the source"),
    refused_parquet(
        "a nested column",
        parquet(table=TABLE.append_column("odd", pa.array([{"x": 1}] * 40))),
        "PC111",
        "odd",
        "",
    ),
    refused_parquet(
        "a number beyond int64",
        parquet(table=TABLE.append_column("big", pa.array([2**63] * 40, pa.uint64()))),
        "PC111",
        "big",
        "convert big",
    ),
]


@pytest.mark.parametrize("case", PARQUET, ids=lambda case: case.name)
def test_parquet(case: Case, refused: Refused) -> None:
    refused(case, parquet())


def test_parquet_files_whose_types_have_nothing_in_common(refused: Refused) -> None:
    def spoil(folder: Path) -> None:
        parquet("in/a.parquet")(folder)
        parquet("in/b.parquet", TABLE.set_column(0, "id", pa.array([b"\xff"] * 40)))(folder)

    case = Case("types differ", spoil, "PC111", "b.parquet", "agree", "parquet", ("source=in/*.parquet",))
    refused(case, parquet("in/b.parquet"))


def records(
    count: int = 40, name: str = "in.tfrecord", *, text: bool = False, spoil: Callable[[bytes], bytes] = bytes
):
    """tf.Examples as a TFRecord file; `text`: the feature holds bytes, not numbers."""

    def write(folder: Path) -> None:
        import tensorflow as tf

        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in range(count):
                feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[row]))
                if text:
                    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"\xff%d" % row]))
                features = tf.train.Features(feature={"id": feature})
                writer.write(tf.train.Example(features=features).SerializeToString())
        path.write_bytes(spoil(path.read_bytes()))

    return write


def wrong_crc(data: bytes) -> bytes:
    (length,) = struct.unpack("<Q", data[:8])
    end = 12 + length
    return data[: end - 1] + bytes([data[end - 1] ^ 1]) + data[end:]


TFRECORD = [
    Case(name, spoil, code, "in.tfrecord", fix, "tfrecord", ("source=in.tfrecord",))
    for name, spoil, code, fix in (
        ("no file", lambda _: None, "PC104", "check its path"),
        ("cut short", records(spoil=lambda b: b[:-5]), "PC109", "deliver it again"),
        ("a wrong checksum", records(spoil=wrong_crc), "PC109", "deliver it again"),
        ("something else", records(spoil=lambda _: b"id,text\n1,2\n" * 9), "PC109", "deliver it again"),
        ("no records", records(0), "PC108", "check the source"),
    )
]


@pytest.mark.parametrize("case", TFRECORD, ids=lambda case: case.name)
def test_tfrecord(case: Case, refused: Refused) -> None:
    refused(case, records())


def test_tfrecord_files_whose_features_have_nothing_in_common(refused: Refused) -> None:
    def spoil(folder: Path) -> None:
        records(name="in/a.tfrecord")(folder)
        records(name="in/b.tfrecord", text=True)(folder)

    case = Case(
        "kinds differ",
        spoil,
        "PC111",
        "column id is binary here",
        "agree",
        "tfrecord",
        ("source=in/*.tfrecord",),
    )
    refused(case, records(name="in/b.tfrecord"))
