"""The driver: which files make a span, and what happens when they are not there."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline_components.errors import (
    DoubledSpanError,
    MissingSpanError,
    NoSourceFilesError,
    PatternError,
    SpanNotGivenError,
    SplitError,
    UnexpectedSpanError,
    VersionMismatchError,
)
from pipeline_components.ingest.sources import Found, SourceFile, changed_since, find_files

Deliver = Callable[..., None]


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    def write(*names: str, text: str = "a\n1\n") -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)

    return write


def _names(answer: dict[str, Any], split: str = "*") -> list[str]:
    return [uri.rpartition("/")[2] for uri in answer["located"][split]]


def test_a_date_finds_its_file_and_its_digest(tmp_path: Path, deliver: Deliver) -> None:
    deliver("2013-01-01.csv", "2013-01-02.csv", "2013-01-02.txt")
    answer = find_files({"source": f"{tmp_path}/{{YYYY}}-{{MM}}-{{DD}}.csv", "span": "2013-01-02"})
    assert {split: list(uris) for split, uris in answer["located"].items()} == {
        "*": [f"file://{tmp_path}/2013-01-02.csv"]
    }
    assert answer["found"] == {
        "span": "2013-01-02",
        "version": 0,
        "files": {
            "*": [
                {
                    "name": "2013-01-02.csv",
                    "size": 4,
                    "sha256": hashlib.sha256(b"a\n1\n").hexdigest(),
                }
            ]
        },
    }


def test_moved_files_are_found_the_same(tmp_path: Path, deliver: Deliver) -> None:
    deliver("here/a.csv", "there/a.csv")
    here, there = (find_files({"source": f"{tmp_path}/{name}/*.csv"}) for name in ("here", "there"))
    assert here["found"] == there["found"]
    assert here["located"] != there["located"]


def test_a_missing_span_lists_the_nearest_and_takes_none(tmp_path: Path, deliver: Deliver) -> None:
    deliver(*(f"{span}.csv" for span in (1, 2, 3, 7, 8, 9, 40)))
    with pytest.raises(MissingSpanError, match="no files for span 5") as caught:
        find_files({"source": f"{tmp_path}/{{SPAN}}.csv", "span": 5})
    assert caught.value.facts["nearest"] == "1, 2, 3, 7, 8, 9"


def test_nearest_dates_are_shown_as_dates(tmp_path: Path, deliver: Deliver) -> None:
    deliver("2013-01-01.csv")
    with pytest.raises(MissingSpanError, match="2013-01-03") as caught:
        find_files({"source": f"{tmp_path}/{{YYYY}}-{{MM}}-{{DD}}.csv", "span": "2013-01-03"})
    assert caught.value.facts["nearest"] == "2013-01-01"


def test_a_source_with_spans_needs_one(tmp_path: Path, deliver: Deliver) -> None:
    deliver("1.csv", "2.csv")
    source = f"{tmp_path}/{{SPAN}}.csv"
    with pytest.raises(SpanNotGivenError, match="none was asked for"):
        find_files({"source": source})
    assert find_files({"source": source, "span": "latest"})["found"]["span"] == 2


def test_a_span_needs_a_source_with_spans(tmp_path: Path, deliver: Deliver) -> None:
    deliver("a.csv")
    with pytest.raises(UnexpectedSpanError, match="the source names none"):
        find_files({"source": f"{tmp_path}/*.csv", "span": 3})


def test_the_newest_version_counts_unless_one_is_named(tmp_path: Path, deliver: Deliver) -> None:
    deliver("4-v9.csv", "4-v10.csv", "5-v1.csv")
    source = {"source": f"{tmp_path}/{{SPAN}}-v{{VERSION}}.csv", "span": 4}
    assert _names(find_files(source)) == ["4-v10.csv"]
    assert _names(find_files({**source, "version": 9})) == ["4-v9.csv"]
    with pytest.raises(MissingSpanError, match="span 4, version 1"):
        find_files({**source, "version": 1})


def test_a_folder_stands_for_its_files_but_hidden_ones(tmp_path: Path, deliver: Deliver) -> None:
    deliver("day/b.csv", "day/a.csv", "day/_SUCCESS", "day/.a.csv.crc")
    assert _names(find_files({"source": f"{tmp_path}/day"})) == ["a.csv", "b.csv"]


def test_splits_have_patterns_of_their_own(tmp_path: Path, deliver: Deliver) -> None:
    deliver("train/1.csv", "test/1.csv")
    answer = find_files(
        {
            "source": {"test": f"{tmp_path}/test/{{SPAN}}.csv", "train": f"{tmp_path}/train/{{SPAN}}.csv"},
            "span": 1,
        }
    )
    assert list(answer["located"]) == ["train", "test"]


def test_latest_is_the_newest_of_any_split_and_then_missing_in_the_other(
    tmp_path: Path, deliver: Deliver
) -> None:
    deliver("train/1.csv", "train/2.csv", "test/1.csv")
    source = {name: f"{tmp_path}/{name}/{{SPAN}}.csv" for name in ("train", "test")}
    with pytest.raises(MissingSpanError, match="of split test for span 2"):
        find_files({"source": source, "span": "latest"})


def test_versions_of_splits_must_agree(tmp_path: Path, deliver: Deliver) -> None:
    deliver("train/1-1.csv", "train/1-2.csv", "test/1-1.csv")
    source = {name: f"{tmp_path}/{name}/{{SPAN}}-{{VERSION}}.csv" for name in ("train", "test")}
    with pytest.raises(VersionMismatchError, match="different newest versions"):
        find_files({"source": source, "span": 1})


@pytest.mark.parametrize(
    ("source", "splits", "why"),
    [
        ({"a": "/x/{SPAN}.csv", "b": "/x/*.csv"}, None, "in different ways"),
        ({"a": "/x/*.csv"}, {"buckets": {"train": 1}}, "has splits already"),
        ({"a/b": "/x/*.csv"}, None, "cannot be a split's name"),
        ({}, None, "names no split"),
    ],
)
def test_splits_that_cannot_be(source: dict[str, str], splits: Any, why: str) -> None:
    with pytest.raises(SplitError, match=why):
        find_files({"source": source, "splits": splits})


def test_a_source_that_matches_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoSourceFilesError, match="matches no file"):
        find_files({"source": f"{tmp_path}/*.csv"})
    with pytest.raises(NoSourceFilesError, match="no span has files"):
        find_files({"source": f"{tmp_path}/{{SPAN}}.csv", "span": "latest"})


def test_a_file_that_cannot_be_read() -> None:
    with pytest.raises(
        NoSourceFilesError, match=r"cannot be read: (Input/output error|Invalid argument)"
    ) as caught:
        find_files({"source": "/proc/self/mem"})
    assert caught.value.at == "file:///proc/self/mem"
    assert caught.value.fix.startswith("check its permissions")


def test_a_bad_pattern_is_refused_before_looking(tmp_path: Path) -> None:
    with pytest.raises(PatternError, match="unknown"):
        find_files({"source": f"{tmp_path}/{{DAY}}.csv"})


def test_a_file_counts_once_nobody_writes_to_it(tmp_path: Path, deliver: Deliver) -> None:
    given = _waiting(tmp_path, poll_seconds=30.0)
    with pytest.raises(MissingSpanError, match="no files for span 3"):
        find_files(given)
    deliver("3.csv")
    with pytest.raises(MissingSpanError, match=r"3\.csv was written to less than 30 s ago"):
        find_files(given)
    an_hour_ago = time.time() - 3600
    os.utime(tmp_path / "3.csv", (an_hour_ago, an_hour_ago))
    assert _names(find_files(given)) == ["3.csv"]


def test_whoever_drives_is_told_how_long_to_wait_and_for_what(tmp_path: Path) -> None:
    with pytest.raises(MissingSpanError) as missing:
        find_files(_waiting(tmp_path, poll_seconds=7.0))
    error = missing.value
    assert (error.wait_seconds, error.poll_seconds) == (20.0, 7.0)
    assert error.awaits == (f"file://{tmp_path}/*.csv",)


def test_without_waiting_nobody_waits(tmp_path: Path) -> None:
    with pytest.raises(MissingSpanError) as missing:
        find_files({**_waiting(tmp_path, poll_seconds=7.0), "missing": "fail"})
    assert missing.value.wait_seconds == 0


def _waiting(folder: Path, poll_seconds: float) -> dict[str, Any]:
    source = f"{folder}/{{SPAN}}.csv"
    return {
        "source": source,
        "span": 3,
        "missing": "wait",
        "wait_seconds": 20.0,
        "poll_seconds": poll_seconds,
    }


def _grow(file: Path) -> None:
    file.write_text("a\n1\n2\n")


def _edit(file: Path) -> None:
    file.write_text("a\n2\n")


def _edit_and_set_back(file: Path) -> None:
    before = file.stat()
    file.write_text("a\n2\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace(file: Path) -> None:
    before = file.stat()
    (file.parent / "new").write_text("a\n2\n")
    os.utime(file.parent / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (file.parent / "new").rename(file)


@pytest.mark.parametrize(
    ("happens", "noticed"),
    [
        (_grow, True),
        (_edit, True),
        (_edit_and_set_back, True),
        (_replace, True),
        (Path.unlink, True),
        (lambda file: file.touch(), False),
        (lambda file: file.chmod(0o400), False),
        (lambda file: file.read_text(), False),
    ],
)
def test_what_happens_to_a_file_after_its_digest(
    tmp_path: Path, deliver: Deliver, happens: Callable[[Path], object], noticed: bool
) -> None:
    deliver("a.csv")
    answer = find_files({"source": f"{tmp_path}/a.csv"})
    found = Found(span=0, version=0, files={"*": [SourceFile(**answer["found"]["files"]["*"][0])]})
    assert changed_since(found, answer["located"]) is None
    happens(tmp_path / "a.csv")
    assert changed_since(found, answer["located"]) == (f"file://{tmp_path}/a.csv" if noticed else None)


def test_a_span_written_in_two_ways_is_refused(tmp_path: Path, deliver: Deliver) -> None:
    deliver("span-7/a.csv", "span-7/b.csv")
    source = f"{tmp_path}/span-{{SPAN}}/*.csv"
    assert len(find_files({"source": source, "span": 7})["located"]["*"]) == 2
    deliver("span-07/a.csv")
    with pytest.raises(DoubledSpanError, match="written in different ways"):
        find_files({"source": source, "span": 7})
