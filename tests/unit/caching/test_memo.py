"""The memo must never know better than the file."""

import os
import time
from pathlib import Path

import pytest

from pipeline_lib.caching.memo import SourceMemo

LONG_AGO = 1_600_000_000_000_000_000


def settle(file: Path) -> None:
    """Make the file look as if nobody had touched it for years (the change time stays)."""
    os.utime(file, ns=(LONG_AGO, LONG_AGO))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember at once: the real wait is for coarse clocks."""
    monkeypatch.setattr("pipeline_lib.caching.memo._SETTLED_NS", 0)


def test_a_change_of_the_same_size_in_the_same_instant_is_seen(tmp_path: Path) -> None:
    file, memo = tmp_path / "a.py", SourceMemo(None)
    digests = set()
    for number in range(10):
        file.write_text(f"x = {number}")
        digests.add(memo.facts(str(file)).digest)
    assert len(digests) == 10


def test_a_change_that_keeps_size_and_modification_time_is_seen(tmp_path: Path, quick: None) -> None:
    file, memo = tmp_path / "a.py", SourceMemo(tmp_path / "state")
    file.write_text("x = 1")
    settle(file)
    first = memo.facts(str(file)).digest
    file.write_text("x = 2")
    settle(file)
    assert memo.facts(str(file)).digest != first


def test_a_change_within_one_tick_of_a_coarse_clock_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, memo, now = tmp_path / "a.py", SourceMemo(None), time.time_ns()
    monkeypatch.setattr("pipeline_lib.caching.memo._signature", lambda _: (now, now, 5, 1))
    file.write_text("x = 1")
    first = memo.facts(str(file)).digest
    file.write_text("x = 2")
    assert memo.facts(str(file)).digest != first


def test_the_next_process_reads_no_file_again(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.py"
    file.write_text("from a import b")
    memo = SourceMemo(tmp_path / "state")
    expected = memo.facts(str(file))
    memo.save()
    monkeypatch.setattr("pipeline_lib.caching.memo._read", lambda file: pytest.fail(f"read {file}"))
    assert SourceMemo(tmp_path / "state").facts(str(file)) == expected


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 0, "files": {}}'])
def test_a_damaged_memo_is_done_without(tmp_path: Path, content: str) -> None:
    (tmp_path / "sources.json").write_text(content)
    file = tmp_path / "a.py"
    file.write_text("import x")
    assert SourceMemo(tmp_path).facts(str(file)).imports[0].module == "x"


def test_a_state_directory_that_cannot_be_written_costs_only_time(tmp_path: Path, quick: None) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    (tmp_path / "a.py").write_text("import x")
    memo = SourceMemo(tmp_path / "state")
    memo.facts(str(tmp_path / "a.py"))
    memo.save()
    assert (tmp_path / "state").is_file()


@pytest.mark.usefixtures("quick")
def test_a_folder_is_listed_again_when_a_name_comes_or_goes(tmp_path: Path) -> None:
    folder, memo = tmp_path / "package", SourceMemo(None)
    assert memo.names(str(folder)) == frozenset()
    folder.mkdir()
    (folder / "a.py").touch()
    assert memo.names(str(folder)) == {"a.py"}
    settle(folder)
    assert memo.names(str(folder)) is memo.names(str(folder)), "nothing changed: it was not read again"
    (folder / "b.py").touch()
    assert memo.names(str(folder)) == {"a.py", "b.py"}
    (folder / "a.py").rename(folder / "c.py")
    settle(folder)
    assert memo.names(str(folder)) == {"b.py", "c.py"}


def test_a_folder_that_has_just_changed_is_not_remembered(tmp_path: Path) -> None:
    memo = SourceMemo(None)
    for number in range(10):
        (tmp_path / f"{number}.py").touch()
        assert len(memo.names(str(tmp_path))) == number + 1
