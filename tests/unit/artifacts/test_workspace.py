"""What a body sees of its execution."""

import threading
from pathlib import Path

import pytest

from pipeline_lib import Artifact
from pipeline_lib.artifacts.workspace import (
    Workspace,
    active_workspace,
    current_workspace,
    use_workspace,
    workspace,
)
from pipeline_lib.errors import NoWorkspaceError


def test_blocks_nest_and_end_even_by_an_error(tmp_path: Path) -> None:
    with workspace(tmp_path / "outer") as outer:
        with pytest.raises(ValueError, match="body"), workspace(tmp_path / "inner"):
            raise ValueError("body")
        assert current_workspace() is outer
    assert active_workspace() is None


def test_a_thread_has_none_of_its_own(tmp_path: Path) -> None:
    seen: list[Workspace | None] = []
    with workspace(tmp_path):
        thread = threading.Thread(target=lambda: seen.append(active_workspace()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_outside_there_is_none() -> None:
    with pytest.raises(NoWorkspaceError, match="outside a component's body") as caught:
        current_workspace()
    assert "with workspace(tmp_path)" in caught.value.fix


def test_inputs_are_read_where_the_workspace_says(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def localise(uri: str, digest: str) -> Path:
        asked.append((uri, digest))
        return tmp_path

    with use_workspace(Workspace(staging=tmp_path, localise=localise)):
        artifact = Artifact.at("s3://bucket/x", digest="d")
        assert artifact.path == artifact.path == tmp_path
    assert asked == [("s3://bucket/x", "d")]


def test_directories_are_private_and_named_after_the_type(tmp_path: Path) -> None:
    with workspace(tmp_path / "not/yet/there") as space:
        made = space.new_directory("Model")
    assert made.name.startswith("Model-")
    assert made.stat().st_mode & 0o077 == 0
