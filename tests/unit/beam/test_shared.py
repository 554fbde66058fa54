"""Where workers write: the target itself, or a place that both see and that is gone afterwards."""

from pathlib import Path

import pytest

from pipeline_lib.artifacts.workspace import Workspace, use_workspace
from pipeline_lib.beam.shared import worker_directory
from pipeline_lib.errors import WorkersElsewhereError


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def test_without_a_shared_place_workers_write_to_the_target(target: Path) -> None:
    with worker_directory(target) as uri:
        Path(uri, "found.txt").touch()
    assert uri == str(target)


@pytest.mark.parametrize("kind", ["", "file://"])
def test_what_is_there_goes_along_and_what_is_written_comes_back(
    tmp_path: Path, target: Path, kind: str
) -> None:
    (target / "Split-a").mkdir()
    (target / "Split-a/known").write_text("known")
    space = Workspace(staging=tmp_path, beam={"shared": f"{kind}{tmp_path}/shared"})
    with use_workspace(space), worker_directory(target) as uri:
        workers = Path(uri.removeprefix(kind))
        assert workers.parent == tmp_path / "shared"
        assert (workers / "Split-a/known").read_text() == "known"
        (workers / "Split-b/deep").mkdir(parents=True)
        (workers / "Split-b/deep/new").write_text("new")
        assert not (target / "Split-b").exists()
    assert (target / "Split-b/deep/new").read_text() == "new"
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_failed_job_fetches_nothing_and_leaves_nothing(tmp_path: Path, target: Path) -> None:
    space = Workspace(staging=tmp_path, beam={"shared": str(tmp_path / "shared")})

    def fail() -> None:
        with worker_directory(target) as uri:
            Path(uri, "half").touch()
            raise ZeroDivisionError("in the job")

    with use_workspace(space), pytest.raises(ZeroDivisionError, match="in the job"):
        fail()
    assert list(target.iterdir()) == list((tmp_path / "shared").iterdir()) == []


def test_a_scratch_directory_is_not_fetched(tmp_path: Path, target: Path) -> None:
    space = Workspace(staging=tmp_path, beam={"shared": str(tmp_path / "shared")})
    with use_workspace(space), worker_directory(target, fetch=False) as uri:
        Path(uri, "scratch").touch()
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("shared", [None, "shared"])
def test_nothing_written_means_that_workers_are_elsewhere(
    tmp_path: Path, target: Path, shared: str | None
) -> None:
    space = Workspace(staging=tmp_path, beam={"shared": shared and str(tmp_path / shared)})
    with (
        use_workspace(space),
        pytest.raises(WorkersElsewhereError, match="nothing that this machine can see") as caught,
        worker_directory(target),
    ):
        pass
    assert "beam.shared" in caught.value.fix
    with use_workspace(space), worker_directory(target, may_be_empty=True):
        pass
