"""Versions on local and remote base paths."""

from pathlib import Path

import fsspec
import pytest

from pipeline_lib.serving.server.sources import Sources


@pytest.fixture
def remote() -> str:
    files = fsspec.filesystem("memory")
    files.pipe_file("/served/m/7/saved_model.pb", b"graph")
    files.pipe_file("/served/m/7/variables/variables.index", b"index")
    files.pipe_file("/served/m/8/variables/variables.index", b"still being copied")
    files.pipe_file("/served/m/.incoming-9/saved_model.pb", b"hidden")
    return "memory://served/m"


def test_directories_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "m/3").mkdir(parents=True)
    (tmp_path / "m/3/saved_model.pb").touch()
    sources = Sources(tmp_path / "copies")
    for base in (f"{tmp_path}/m", f"file://{tmp_path}/m"):
        assert sources.present(base) == [3]
        assert sources.fetch(base, 3) == tmp_path / "m/3"
        sources.forget(base, 3)
    assert (tmp_path / "m/3").is_dir()
    assert sources.present(str(tmp_path / "nothing")) == []


def test_other_places_are_copied_and_copies_forgotten(remote: str, tmp_path: Path) -> None:
    sources = Sources(tmp_path)
    assert sources.present(remote) == [7]
    copy = sources.fetch(remote, 7)
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("*.*")} == {
        "saved_model.pb",
        "variables/variables.index",
    }
    assert sources.fetch(remote, 7) == copy
    sources.forget(remote, 7)
    assert not list(tmp_path.rglob("*.*"))
    assert sources.present("memory://served/none") == []


def test_a_copy_that_fails_leaves_nothing(remote: str, tmp_path: Path) -> None:
    sources = Sources(tmp_path)
    with pytest.raises(OSError, match=r"."):
        sources.fetch(remote, 11)
    assert not list(tmp_path.rglob("*.*"))
