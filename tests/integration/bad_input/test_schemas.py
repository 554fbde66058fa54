"""Schemas that are none, contradict the data or lack a column."""

from pathlib import Path

import pytest

from integration.bad_input.conftest import GOOD, Case, Refused

pytestmark = pytest.mark.xdist_group("bad-input")

GIVEN = ("source=in.csv", "schema=schema.pbtxt")
SCHEMA = "\n".join(
    f'feature {{ name: "{name}" type: {kind} presence {{ min_fraction: 1 min_count: 1 }} }}'
    for name, kind in (("id", "INT"), ("text", "BYTES"), ("number", "FLOAT"))
)


def schema(text: str | bytes) -> object:
    def write(folder: Path) -> None:
        (folder / "in.csv").write_text(GOOD)
        (folder / "schema.pbtxt").write_bytes(text.encode() if isinstance(text, str) else text)

    return write


def row(name: str, text: str | bytes, code: str, place: str, fix: str, pipeline: str = "csv-schema") -> Case:
    return Case(name, schema(text), code, place, fix, pipeline, GIVEN)


CASES = [
    row("empty", "", "PC202", "schema.pbtxt", "describe at least one column"),
    row("another message", 'feture { name: "id" }', "PC202", "schema.pbtxt:1", "mend that line"),
    row("a pickle", b"\x80\x04\x95\x1d\0\0\0\0", "PC202", "schema.pbtxt", ""),
    row("a column twice", SCHEMA + 'feature { name: "id" type: INT }', "PC202", "id", ""),
    row(
        "a wrong type", SCHEMA.replace("BYTES", "INT"), "PC111", "in.csv:2", "the type of text in the schema"
    ),
    row(
        "a label that the data lack",
        SCHEMA + SCHEMA.splitlines()[2].replace("number", "late"),
        "PC205",
        "late",
        "waive",
        "checked",
    ),
    row("a column that it lacks", SCHEMA.replace('"text"', '"label"'), "PC205", "text", "waive", "checked"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused(case: Case, refused: Refused) -> None:
    refused(case, schema(SCHEMA))


def test_no_file(refused: Refused) -> None:
    spoil = lambda folder: (folder / "in.csv").write_text(GOOD)  # noqa: E731
    refused(
        Case("no file", spoil, "PC202", "schema.pbtxt", "check the path", "csv-schema", GIVEN), schema(SCHEMA)
    )
