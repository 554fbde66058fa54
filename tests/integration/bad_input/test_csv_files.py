"""CSV files that are not what they should be, and odd ones that are all the same."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from integration.bad_input.conftest import GOOD, Case, Refused
from unit.cli.command import Command

pytestmark = pytest.mark.xdist_group("bad-input")


def written(content: str | bytes, name: str = "in.csv") -> Callable[[Path], object]:
    """Puts a file into the project."""
    data = content.encode() if isinstance(content, str) else content

    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return write


def zipped(data: bytes, keep: float) -> bytes:
    whole = gzip.compress(data)
    return whole[: int(len(whole) * keep)]


def csv(name: str, content: str | bytes, code: str, place: str, fix: str) -> Case:
    return Case(name, written(content), code, place, fix)


HEADER = "id,text,number\n"
CASES = [
    Case("no file", lambda _: None, "PC104", "in.csv", "check its path"),
    Case("a name in other letters", written(GOOD, "In.csv"), "PC104", "in.csv", "did you mean In.csv"),
    csv("an empty file", "", "PC109", "in.csv", "with a header"),
    csv("a header and no row", HEADER, "PC108", "train", ""),
    csv("one row for two splits", HEADER + "1,a,2\n", "PC108", "", "rows"),
    csv("a row too short", HEADER + "1,a\n", "PC109", "in.csv:2", "quote cells"),
    csv("a row too long", HEADER + "1,a,2\n1,a,2,3\n", "PC109", "in.csv:3", "quote cells"),
    csv("a name twice", "id,id\n1,2\n", "PC110", "in.csv", "name"),
    csv("a name that is empty", "id,\n1,2\n", "PC110", "in.csv", "name"),
    csv("another delimiter", GOOD.replace(",", ";"), "PC110", "in.csv:1", "delimiter=';'"),
    csv("UTF-16 without a word of it", GOOD.encode("utf-16"), "PC109", "in.csv:1", "encoding"),
    csv(
        "Latin-1 without a word of it",
        GOOD.replace("text 7", "t\xe4xt").encode("latin-1"),
        "PC109",
        "in.csv:9",
        "latin-1",
    ),
    csv("NUL bytes", GOOD.replace("text 7", "te\0xt"), "PC109", "in.csv:9", "remove it"),
    csv("quotes never closed", HEADER + '1,"a,2\n' + GOOD[len(HEADER) :], "PC109", "in.csv:2", "quote"),
    csv(
        "a cell of 10 MB", GOOD.replace("text 7", "x" * 10_000_000), "PC109", "in.csv:9", "files of their own"
    ),
    csv("something else", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "PC109", "in.csv", ""),
    csv(
        "a pickle",
        b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x8c\x06system\x93\x8c\x05touch\x85R.",
        "PC109",
        "in.csv",
        "",
    ),
    Case(
        "a gzip cut short",
        written(zipped(GOOD.encode() * 500, 0.5), "in.csv.gz"),
        "PC109",
        "in.csv.gz",
        "deliver it again",
        parameters=("source=in.csv.gz",),
    ),
    Case(
        "a gzip that is none",
        written(GOOD, "in.csv.gz"),
        "PC109",
        "in.csv.gz",
        "deliver it again",
        parameters=("source=in.csv.gz",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused(case: Case, refused: Refused) -> None:
    (source,) = (value.partition("=")[2] for value in case.parameters)
    good = gzip.compress(GOOD.encode()) if source.endswith(".gz") else GOOD.encode()
    refused(case, written(good.replace(b"text", case.name.encode()) if source == "in.csv" else good, source))


def test_files_of_one_source_that_differ(refused: Refused) -> None:
    def spoil(folder: Path) -> None:
        written(GOOD, "in/a.csv")(folder)
        written(GOOD.replace("number", "amount"), "in/b.csv")(folder)

    case = Case("headers differ", spoil, "PC110", "b.csv", "", parameters=("source=in/*.csv",))
    refused(case, written(GOOD, "in/b.csv"))


@pytest.mark.parametrize(
    ("content", "types"),
    [
        (GOOD.encode("utf-8-sig"), {"id": "int64", "number": "double"}),
        (GOOD.replace("\n", "\r\n", 7).encode(), {"id": "int64", "number": "double"}),
        (
            (HEADER + "1,a,2\n" * 100_000 + "1,a,2.5\nx,a,2\n").encode(),
            {"id": "string", "text": "string", "number": "double"},
        ),
        (
            (
                ",".join(f"c{i}" for i in range(5000))
                + "\n"
                + "".join(f"{row}," + "1," * 4998 + "1\n" for row in range(40))
            ).encode(),
            {"c4999": "int64"},
        ),
        ("id,none\n" + "".join(f"{row},\n" for row in range(40)), {"id": "int64", "none": "string"}),
    ],
    ids=[
        "BOM",
        "mixed line ends",
        "a type that changes in row 100 001",
        "5000 columns",
        "an empty column",
    ],
)
def test_accepted(content: bytes | str, types: dict[str, str], command: Command) -> None:
    written(content)(command.folder)
    ran = command.json("run", "csv", "-p", "source=in.csv")
    (examples,) = ran["nodes"][0]["outputs"]["examples"]
    folder = Path(examples["uri"])
    schema = pq.read_schema(next((folder / "Split-train").glob("*.parquet")))
    assert {name: str(schema.field(name).type) for name in types} == types
