"""Spans that are missing or doubled, patterns that make no sense, paths that lead elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.bad_input.conftest import GOOD, Case, Refused

pytestmark = pytest.mark.xdist_group("bad-input")


def files(*names: str) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(GOOD)

    return write


DAILY = ("day=2026-01-02", "source=in/{YYYY}-{MM}-{DD}.csv")
THERE = files("in/2026-01-02.csv")


def dated(name: str, source: str, place: str, fix: str, code: str = "PC101") -> Case:
    return Case(name, THERE, code, place, fix, "daily", ("day=2026-01-02", f"source={source}"))


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def dangling(folder: Path) -> None:
    (folder / "in.csv").symlink_to("nowhere.csv")


def looping(folder: Path) -> None:
    (folder / "in.csv").symlink_to("in.csv")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "in.csv")


def replace_link(folder: Path) -> None:
    (folder / "in.csv").unlink()
    (folder / "in.csv").write_text(GOOD)


CASES = [
    (
        Case(
            "no span at all", lambda _: None, "PC103", "span 2026-01-02", "wait for the data", "daily", DAILY
        ),
        THERE,
    ),
    (
        Case(
            "a gap",
            files("in/2026-01-01.csv", "in/2026-01-03.csv"),
            "PC103",
            "2026-01-01, 2026-01-03",
            "run for a span",
            "daily",
            DAILY,
        ),
        THERE,
    ),
    (
        Case(
            "a version written in two ways",
            files("in/1-v1.csv", "in/1-v01.csv"),
            "PC115",
            "1-v",
            "remove or rename one",
            "numbered",
            ("span=1", "source=in/{SPAN}-v{VERSION}.csv"),
        ),
        remove("in/1-v01.csv"),
    ),
    (
        Case(
            "a span written in two ways",
            files("in/7.csv", "in/007.csv"),
            "PC115",
            "{SPAN}",
            "{SPAN:2}",
            "numbered",
            ("span=7", "source=in/{SPAN}.csv"),
        ),
        remove("in/007.csv"),
    ),
    (Case("a link to nowhere", dangling, "PC104", "in.csv", "check its path"), replace_link),
    (Case("a link to itself", looping, "PC104", "in.csv", "check its path"), replace_link),
    (Case("a pipe", pipe, "PC104", "in.csv", "name a plain file"), replace_link),
    (
        Case(
            "a folder without files",
            lambda folder: (folder / "in").mkdir(),
            "PC104",
            "in/*",
            "put files into that folder",
            parameters=("source=in",),
        ),
        files("in/a.csv"),
    ),
    (
        Case(
            "wildcards in a file's name",
            files("in [1].csv"),
            "PC104",
            "in [1].csv",
            "write in [[]1].csv for that file",
            parameters=("source=in [1].csv",),
        ),
        files("in 1.csv"),
    ),
    (
        Case(
            "a path out of the project that is not there",
            lambda _: None,
            "PC104",
            "gone",
            "check its path",
            parameters=("source=modules/../gone/../in.csv",),
        ),
        files("gone/x", "in.csv"),
    ),
]


@pytest.mark.parametrize(("case", "mend"), CASES, ids=lambda value: getattr(value, "name", ""))
def test_refused(case: Case, mend: Callable[[Path], object], refused: Refused) -> None:
    refused(case, mend)


PATTERNS = [
    dated("an unknown token", "in/{DAY}.csv", "unknown {DAY}", "use {SPAN}"),
    dated("a date and a span", "in/{SPAN}-{YYYY}-{MM}-{DD}.csv", "exclude each other", "keep one"),
    dated("half a date", "in/{YYYY}-{MM}.csv", "{DD}", "together"),
    dated("a token twice", "in/{YYYY}-{MM}-{DD}-{DD}.csv", "twice", "once"),
    dated("a version without a span", "in/{VERSION}.csv", "needs a span", "add {SPAN}"),
    dated("a width that is none", "in/{SPAN:x}.csv", "no such width", "{SPAN:3}"),
    dated("no token for the span", "in/2026-01-02.csv", "2026-01-02", "put {SPAN}", "PC105"),
]


@pytest.mark.parametrize("case", PATTERNS, ids=lambda case: case.name)
def test_patterns(case: Case, command, refused: Refused) -> None:
    """What is mended is the pattern, so that the next run has other parameters."""
    given = [word for parameter in case.parameters for word in ("-p", parameter)]
    case.spoil(command.folder)
    said = command.failing("run", "daily", *given)
    assert f"[{case.code}]" in said
    assert case.place in said
    assert case.fix in said.partition("fix:")[2]
    command("run", "daily", "-p", DAILY[0], "-p", DAILY[1])


def test_a_source_with_spans_and_none_asked_for(command) -> None:
    THERE(command.folder)
    said = command.failing("run", "csv", "-p", f"{DAILY[1]}")
    assert "[PC102]" in said
    assert "span=day" in said


def test_an_empty_source_is_not_the_whole_folder(command) -> None:
    files("in.csv")(command.folder)
    said = command.failing("run", "csv", "-p", "source=")
    assert "[PC104] the source is empty" in said
    assert "give a path" in said.partition("fix:")[2]
    assert not list((command.folder / ".pipeline").glob("artifacts/*/*"))
    command("run", "csv", "-p", "source=in.csv")


def test_a_split_s_name_that_is_a_path(command) -> None:
    files("in.csv")(command.folder)
    given = '{{"train": "in.csv", "{0}": "in.csv"}}'
    said = command.failing("run", "divided", "-p", "source=" + given.format("../../outside"))
    assert "[PC107]" in said
    assert "../../outside" in said
    assert "rename the split" in said.partition("fix:")[2]
    assert not list(command.folder.rglob("Split-*")) + list(command.folder.parent.glob("outside*"))
    command("run", "divided", "-p", "source=" + given.format("eval"))


def test_wildcards_are_written_as_one_is_told(command) -> None:
    files("in [1].csv")(command.folder)
    command("run", "csv", "-p", "source=in [[]1].csv")
