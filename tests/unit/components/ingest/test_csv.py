"""`ingest_csv` on files as they come: types, splits, and everything that can be wrong with a file."""

import gzip
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_components import threads
from pipeline_components.errors import (
    EmptySplitError,
    MissingColumnError,
    SourceChangedError,
    SourceFormatError,
    SourceHeaderError,
    SourceTypeError,
)
from pipeline_components.ingest import HashSplit, _csv_file, _csv_reader, ingest_csv
from pipeline_components.ingest.sources import find_files
from pipeline_lib import Examples, Schema, workspace

ONE = HashSplit(buckets={"train": 1})


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Callable[..., Examples]]:
    def run(*contents: bytes | str, **given: Any) -> Examples:
        for index, content in enumerate(contents):
            raw = content.encode() if isinstance(content, str) else content
            (tmp_path / f"{index}.csv").write_bytes(raw)
        return ingest_csv.run(**{"source": f"{tmp_path}/*.csv", "splits": ONE, **given})

    with workspace(tmp_path / "staging"):
        yield run


@pytest.fixture(params=["whole", "streamed"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are parsed at once, large ones streamed twice: both must say the same."""
    if request.param == "streamed":
        monkeypatch.setattr(_csv_reader, "_IN_MEMORY", -1)


def _table(examples: Examples, split: str = "train") -> pa.Table:
    return pq.read_table(str(examples.split_path(split)))


def _types(examples: Examples) -> dict[str, str]:
    return {field.name: str(field.type) for field in _table(examples).schema}


@pytest.mark.usefixtures("each_way")
def test_types_are_settled_over_all_files(ingest: Callable[..., Examples]) -> None:
    examples = ingest(
        "i,d,s,empty,day,flag,mixed\n1,1,a,,2013-01-01,true,01\n",
        "i,d,s,empty,day,flag,mixed\n2,2.5,7,,2013-01-02,false,x\n,,,,,,\n",
    )
    assert _types(examples) == {
        "i": "int64",
        "d": "double",
        "s": "string",
        "empty": "string",
        "day": "string",
        "flag": "string",
        "mixed": "string",
    }
    assert _table(examples).to_pylist() == [
        {"i": 1, "d": 1.0, "s": "a", "empty": None, "day": "2013-01-01", "flag": "true", "mixed": "01"},
        {"i": 2, "d": 2.5, "s": "7", "empty": None, "day": "2013-01-02", "flag": "false", "mixed": "x"},
        dict.fromkeys(_types(examples)),
    ]


@pytest.mark.usefixtures("each_way")
def test_a_type_that_changes_late_in_a_file(ingest: Callable[..., Examples]) -> None:
    """A reader that freezes types at its first block fails here."""
    rows = "\n".join(str(i) for i in range(1_200_000))
    examples = ingest(f"a\n{rows}\n1.5\n")
    assert _types(examples) == {"a": "double"}
    assert examples.rows == {"train": 1_200_001}


@pytest.mark.usefixtures("each_way")
def test_quoted_line_breaks_delimiters_and_bom(ingest: Callable[..., Examples]) -> None:
    examples = ingest(b'\xef\xbb\xbfa;b\r\n"x\r\ny;z";1\r\n"q""q";2\r\n', delimiter=";")
    assert _table(examples).to_pylist() == [{"a": "x\r\ny;z", "b": 1}, {"a": 'q"q', "b": 2}]


@pytest.mark.usefixtures("each_way")
def test_named_nulls_and_encoding(ingest: Callable[..., Examples]) -> None:
    examples = ingest("å,n\nøl,NA\n,3\n".encode("latin-1"), encoding="latin-1", nulls=["NA"])
    assert _table(examples).to_pylist() == [{"å": "øl", "n": None}, {"å": None, "n": 3}]


@pytest.mark.usefixtures("each_way")
def test_a_schema_settles_types(ingest: Callable[..., Examples], tmp_path: Path) -> None:
    schema = _schema(tmp_path, zip="BYTES", n="FLOAT", gone="INT")
    examples = ingest("zip,n,other\n01234,1,5\n", schema=schema)
    assert _table(examples).to_pylist() == [{"zip": "01234", "n": 1.0, "other": 5}]


def _schema(folder: Path, **types: str) -> Schema:
    text = "".join(f'feature {{ name: "{name}" type: {kind} }}\n' for name, kind in types.items())
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(text)
    return Schema.at(folder / "schema")


@pytest.mark.usefixtures("each_way")
def test_a_cell_that_does_not_fit_the_schema(ingest: Callable[..., Examples], tmp_path: Path) -> None:
    schema = _schema(tmp_path, n="INT")
    with pytest.raises(SourceTypeError, match=r"'1.5' is no int64") as caught:
        ingest("s,n\na,1\nb,2\nc,1.5\n", schema=schema)
    assert caught.value.at == f"file://{tmp_path}/0.csv:4"
    assert caught.value.facts["column"] == "n"


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize(
    ("content", "what", "line"),
    [
        pytest.param(b"", "the file is empty", "", id="empty"),
        pytest.param(b"\n\n", "the file is empty", "", id="blank"),
        pytest.param(b"a,b\n1,2\n3\n", "row 3 has 1 cells, and the header 2", ":3", id="short-row"),
        pytest.param(b"a,b\n1,2\n3,4,5\n", "row 3 has 3 cells, and the header 2", ":3", id="long-row"),
        pytest.param(b"a,b\n1,x\n2,\xff\n", "byte 0xff is not utf-8", ":3", id="not-utf8"),
        pytest.param(b"a,b\n1,x\n2,\x00\n", "NUL byte", ":3", id="nul"),
    ],
)
def test_damaged_files(
    ingest: Callable[..., Examples], tmp_path: Path, content: bytes, what: str, line: str
) -> None:
    with pytest.raises(SourceFormatError, match=re.escape(what)) as caught:
        ingest(b"a,b\n7,y\n", content)
    assert caught.value.at == f"file://{tmp_path}/1.csv{line}"


@pytest.mark.parametrize(
    ("header", "what"),
    [
        pytest.param("a,b,a", "column a is there 2 times", id="doubled"),
        pytest.param("a,,b", "column 2 has no name", id="unnamed"),
    ],
)
def test_headers_that_cannot_be(ingest: Callable[..., Examples], header: str, what: str) -> None:
    with pytest.raises(SourceHeaderError, match=what):
        ingest(f"{header}\n1,2,3\n")


def test_headers_must_name_the_same_columns_in_any_order(ingest: Callable[..., Examples]) -> None:
    assert ingest("a,b\n1,2\n", "b,a\n3,4\n").rows == {"train": 2}
    with pytest.raises(SourceHeaderError, match="different columns") as caught:
        ingest("a,b\n1,2\n", "a,c\n3,4\n")
    assert (caught.value.facts["lacks"], caught.value.facts["adds"]) == ("b", "c")


def test_gzip_and_a_broken_one(ingest: Callable[..., Examples], tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n1\n2\n")
    (tmp_path / "x.csv.gz").write_bytes(packed)
    source = f"{tmp_path}/x.csv.gz"
    assert _table(ingest(source=source)).to_pydict() == {"a": [1, 2]}
    (tmp_path / "x.csv.gz").write_bytes(packed[:-6])
    with pytest.raises(SourceFormatError, match="cannot be"):
        ingest(source=source)


@pytest.mark.usefixtures("each_way")
def test_wide_encodings(ingest: Callable[..., Examples]) -> None:
    examples = ingest("a,b\n".encode("utf-16") + ("ø,1\n" * 40_000).encode("utf-16-le"), encoding="utf-16")
    assert (examples.rows, _types(examples)) == ({"train": 40_000}, {"a": "string", "b": "int64"})


def test_an_unknown_encoding(ingest: Callable[..., Examples]) -> None:
    with pytest.raises(SourceFormatError, match="knows no encoding klingon"):
        ingest("a\n1\n", encoding="klingon")


@pytest.mark.usefixtures("each_way")
def test_a_split_without_rows_is_named(ingest: Callable[..., Examples]) -> None:
    with pytest.raises(EmptySplitError, match="split eval has no rows"):
        ingest("k\n" + "same\n" * 50, splits=HashSplit(key="k", buckets={"train": 100, "eval": 1}))
    with pytest.raises(EmptySplitError, match="split train has no rows"):
        ingest("k\n")


def test_rows_of_one_key_stay_together(ingest: Callable[..., Examples]) -> None:
    rows = "".join(f"{i % 40},{i}\n" for i in range(4000))
    examples = ingest(f"k,v\n{rows}", splits=HashSplit(key="k"))
    assert examples.split_names == ["train", "eval"]
    assert sum(examples.rows.values()) == 4000
    train, evaluation = (set(_table(examples, split)["k"].to_pylist()) for split in ("train", "eval"))
    assert not train & evaluation


def test_the_key_must_be_a_column(ingest: Callable[..., Examples]) -> None:
    with pytest.raises(MissingColumnError, match="key c is not a column"):
        ingest("a,b\n1,2\n", splits=HashSplit(key="c"))


def test_whole_and_streamed_split_alike(
    ingest: Callable[..., Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "n,s\n" + "".join(f"{i if i % 7 else ''},w{i}\n" for i in range(5000))
    whole = ingest(text, splits=None)
    monkeypatch.setattr(_csv_reader, "_IN_MEMORY", -1)
    streamed = ingest(text, splits=None)
    assert whole.rows == streamed.rows
    for split in ("train", "eval"):
        assert _table(whole, split).equals(_table(streamed, split))


def test_the_same_bytes_however_many_cores_there_are(
    ingest: Callable[..., Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamed in small blocks, whose types differ: null, whole, decimal, text."""
    monkeypatch.setattr(_csv_reader, "_IN_MEMORY", -1)
    monkeypatch.setattr(_csv_file, "BLOCK", 1 << 12)
    text = "a,b,c\n" + ",,\n" * 2_000
    text += "".join(f"{i},{i / 2 if i > 4_000 else i},{'x' if i == 4_900 else i}\n" for i in range(5_000))
    found = set()
    for count in (1, 2, 4):
        monkeypatch.setattr(threads, "cores", lambda count=count: count)
        examples = ingest(text, splits=None)
        assert _types(examples) == {"a": "int64", "b": "double", "c": "string"}
        found.add(tuple(file.read_bytes() for file in sorted(examples.path.rglob("*.parquet"))))
    assert len(found) == 1


def test_splits_by_pattern_have_one_schema(ingest: Callable[..., Examples], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n1.5\n")
    examples = ingest(source={"train": f"{tmp_path}/a.csv", "eval": f"{tmp_path}/b.csv"}, splits=None)
    assert examples.rows == {"train": 1, "eval": 1}
    assert _types(examples) == {"x": "double"}


def test_row_groups_are_full(ingest: Callable[..., Examples]) -> None:
    examples = ingest("a\n" + "1\n" * 150_000)
    (file,) = examples.split_path("train").glob("*.parquet")
    footer = pq.ParquetFile(str(file)).metadata
    sizes = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    assert sizes == [65_536, 65_536, 18_928]
    assert footer.row_group(0).column(0).compression == "ZSTD"


def test_a_span_by_date(ingest: Callable[..., Examples], tmp_path: Path) -> None:
    (tmp_path / "2013-01-02.csv").write_text("a\n1\n")
    examples = ingest(source=f"{tmp_path}/{{YYYY}}-{{MM}}-{{DD}}.csv", span=date(2013, 1, 2))
    assert (examples.span, examples.version) == (15707, 0)


def test_as_a_launcher_calls_it(tmp_path: Path) -> None:
    (tmp_path / "3-1.csv").write_text("a\n1\n2\n3\n4\n")
    parameters = {
        "source": f"{tmp_path}/{{SPAN}}-{{VERSION}}.csv",
        "span": 3,
        "splits": {"buckets": {"train": 1}},
    }
    with workspace(tmp_path / "staging"):
        outputs = ingest_csv.execute({}, {**parameters, **find_files(parameters)})
    (examples,) = outputs["examples"]
    assert isinstance(examples, Examples)
    assert (examples.span, examples.version, examples.rows) == (3, 1, {"train": 4})


@pytest.mark.parametrize("later", ["a\n1\n2\n", "a\n2\n"], ids=["another size", "the same size"])
def test_a_file_that_changes_after_its_digest(tmp_path: Path, later: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    parameters = {"source": str(file), "splits": {"buckets": {"train": 1}}}
    found = find_files(parameters)
    file.write_text(later)
    with workspace(tmp_path / "staging"), pytest.raises(SourceChangedError, match="changed while"):
        ingest_csv.execute({}, {**parameters, **found})


@pytest.mark.usefixtures("each_way")
def test_files_that_are_not_on_this_disk(ingest: Callable[..., Examples]) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/bucket/4/a.csv", b"a\n1\n")
    files.pipe("/bucket/4/b.csv.gz", gzip.compress(b"a\n2\n"))
    try:
        examples = ingest(source="memory://bucket/{SPAN}/*", span="latest")
    finally:
        files.rm("/bucket", recursive=True)
    assert (examples.span, _table(examples).to_pydict()) == (4, {"a": [1, 2]})
