"""What disks do: full, out of inodes, read-only, forbidden; files that are lost, changed or left behind."""

import json
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integration.disks import WITHOUT_PRIVILEGES, fill, needs_setpriv, small_disk
from integration.launching import (
    Site,
    doctor,
    number_of,
    plan_of,
    profile_at,
    require_clean,
    require_nothing_partial,
    run,
    wait_until_stopped,
)
from pipeline_lib.artifacts.manifest import MANIFEST_NAME
from pipeline_lib.errors import ArtifactStoreError, MetadataUnavailableError
from pipeline_lib.metadata.records import ArtifactQuery, ArtifactState, State
from pipeline_lib.runtime.results import Outcome, RunResult
from pipeline_lib.settings import HostSettings, MetadataSettings


def failure(result: RunResult) -> Any:
    (error,) = [node.error for node in result.nodes if node.error is not None]
    return error


def test_a_full_disk_under_the_artifacts_fails_the_node_and_nothing_else(
    site: Site, tmp_path: Path, host: HostSettings
) -> None:
    with small_disk(tmp_path / "disk", "size=256k") as disk:
        site = replace(site, profile=profile_at(tmp_path, disk / "artifacts", host))
        with site.session() as session:
            ballast = fill(disk)
            result = run(site, session)
            assert result.state is State.FAILED
            error = failure(result)
            assert "No space left on device" in str(error)
            assert str(disk) in str(error)
            assert "space" in error.fix
            ballast.unlink()
            require_clean(session)
            again = run(site, session)
            assert (again.state, number_of(again, "last")) == (State.COMPLETE, 15)


def test_a_disk_that_fills_up_while_outputs_are_renamed_publishes_none(
    site: Site, tmp_path: Path, host: HostSettings
) -> None:
    with small_disk(tmp_path / "disk", "size=1m") as disk:
        site = replace(site, profile=profile_at(tmp_path, disk / "artifacts", host))
        process = site.start("stop@renamed#3", pipeline="parts", into=3)
        with site.session() as session:
            wait_until_stopped(process)
            ballast = fill(disk)
            process.send_signal(signal.SIGCONT)
            output, complaints = process.communicate(timeout=60)
            assert json.loads(output)["state"] == "FAILED", complaints
            assert [a.node for a in session.store.artifacts(ArtifactQuery())] == ["read"]
            ballast.unlink()
            doctor(session, mend=True)
            require_clean(session)
            assert number_of(run(site, session, "parts"), "all") == 9


def test_a_read_only_root_is_named(site: Site, tmp_path: Path, host: HostSettings) -> None:
    with small_disk(tmp_path / "disk", "size=1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        site = replace(site, profile=profile_at(tmp_path, disk / "artifacts", host))
        with site.session() as session:
            error = failure(run(site, session))
            assert error.code == ArtifactStoreError.code
            assert "Read-only file system" in str(error)
            assert error.at.startswith(str(disk))
            assert list(session.store.active_executions()) == []
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            assert run(site, session).state is State.COMPLETE
            require_clean(session)


def test_a_full_disk_under_the_metadata_is_named_and_the_next_run_is_right(
    site: Site, tmp_path: Path, host: HostSettings
) -> None:
    with small_disk(tmp_path / "disk", "size=4m") as disk:
        profile = profile_at(tmp_path, tmp_path / "artifacts", host)
        metadata = MetadataSettings(url=f"sqlite:///{disk}/metadata.sqlite")
        site = replace(site, profile=profile.model_copy(update={"metadata": metadata}))
        with site.session() as session:
            run(site, session)
            ballast = fill(disk)
            with pytest.raises(MetadataUnavailableError, match="disk is full") as caught:
                run(site, session, plus=2)
            assert str(disk) in str(caught.value)
            assert "space" in str(caught.value.fix)
            ballast.unlink()
            assert number_of(run(site, session, plus=2), "last") == 16
            require_nothing_partial(session)


# --- inodes and permissions -----------------------------------------------------------------------------


def use_all_inodes(disk: Path) -> list[Path]:
    """Take all the names of a disk; there is space left."""
    made = []
    try:
        while True:
            made.append(disk / f"ballast-{len(made)}")
            made[-1].touch()
    except OSError:
        return made[:-1]


@pytest.mark.parametrize("left", [0, 3, 8])
def test_a_disk_without_inodes_fails_the_node_and_nothing_else(
    site: Site, tmp_path: Path, host: HostSettings, left: int
) -> None:
    """`left` of them go far enough for the staging, for the body, for the first directories of the place."""
    with small_disk(tmp_path / "disk", "size=4m,nr_inodes=64") as disk:
        site = replace(site, profile=profile_at(tmp_path, disk / "artifacts", host))
        with site.session() as session:
            ballast = use_all_inodes(disk)
            for path in ballast[:left]:
                path.unlink()
            result = run(site, session)
            assert result.state is State.FAILED
            assert "No space left on device" in str(failure(result))
            assert str(disk) in str(failure(result))
            require_nothing_partial(session)
            for path in ballast[left:]:
                path.unlink()
            require_clean(session)
            again = run(site, session)
            assert (again.state, number_of(again, "last")) == (State.COMPLETE, 15)


@needs_setpriv
@pytest.mark.parametrize("where", ["", ".staging", "chain"])
def test_a_root_that_may_not_be_written_to_is_named(site: Site, where: str) -> None:
    root = Path(site.profile.artifacts.root, where)
    root.mkdir(parents=True)
    root.chmod(0o555)
    try:
        process = site.start(under=WITHOUT_PRIVILEGES)
        output, complaints = process.communicate(timeout=60)
        told = json.loads(output)
        assert told["state"] == "FAILED", complaints
        (error,) = told["errors"]
        assert "Permission denied" in error["summary"]
        assert error["at"].startswith(str(root))
        assert "permissions" in error["fix"]
    finally:
        root.chmod(0o755)
    with site.session() as session:
        require_clean(session)
        assert run(site, session).state is State.COMPLETE


@needs_setpriv
def test_outputs_that_a_body_made_read_only_are_published_and_can_go(site: Site) -> None:
    """As a copy of a read-only tree is: `shutil.copytree` keeps modes."""
    process = site.start(pipeline="locked", under=WITHOUT_PRIVILEGES)
    output, complaints = process.communicate(timeout=60)
    assert json.loads(output)["state"] == "COMPLETE", complaints
    with site.session() as session:
        require_clean(session)
        (made,) = session.store.artifacts(ArtifactQuery(node="lock"))
        assert stat.S_IMODE(Path(made.uri, "inner").stat().st_mode) == 0o555
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pipeline_lib.artifacts.store import open_artifact_store\n"
        "open_artifact_store(sys.argv[1], cache_dir=Path(sys.argv[1])).remove(sys.argv[2])\n"
    )
    command = [*WITHOUT_PRIVILEGES, sys.executable, "-c", program, site.profile.artifacts.root, made.uri]
    subprocess.run(command, check=True)
    assert not Path(made.uri).exists()
    assert list(Path(site.profile.artifacts.root, ".staging").iterdir()) == []


def test_temporary_files_without_space_fail_the_node_by_name(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", "size=64k") as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        ballast = fill(disk)
        with site.session() as session:
            result = run(site, session)
            assert result.state is State.FAILED
            assert "No space left on device" in str(failure(result))
            assert str(disk) in str(failure(result))
            require_clean(session)
            ballast.unlink()
            assert number_of(run(site, session), "last") == 15


# --- files that are lost or changed ---------------------------------------------------------------------


def flip_a_byte(artifact: Path) -> None:
    content = bytearray((artifact / "number.txt").read_bytes())
    content[0] ^= 1
    (artifact / "number.txt").write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "folder-deleted": shutil.rmtree,
    "file-deleted": lambda artifact: (artifact / "number.txt").unlink(),
    "file-cut-short": lambda artifact: (artifact / "number.txt").write_bytes(b""),
    "file-added": lambda artifact: (artifact / "more.txt").write_text("?"),
    "manifest-deleted": lambda artifact: (artifact / MANIFEST_NAME).unlink(),
    "manifest-of-another": lambda artifact: (artifact / MANIFEST_NAME).write_text("{}"),
    "byte-flipped": flip_a_byte,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_artifact_is_made_again_and_never_read(site: Site, damage: str) -> None:
    with site.session() as session:
        (artifact,) = run(site, session).of("add")[0].outputs["number"]
        DAMAGES[damage](Path(artifact.uri))
        result = session.run(plan_of("chain"), {"source": str(site.source)}, verify_full=True)
        assert [node.outcome for node in result.nodes] == [Outcome.CACHED, Outcome.COMPLETE, Outcome.CACHED]
        assert result.of("add")[0].outputs["number"][0].id != artifact.id
        assert number_of(result, "last") == 15
        stored = session.store.artifact(artifact.id)
        assert stored is not None
        assert stored.state is ArtifactState.ABANDONED
        assert doctor(session) == []


def test_a_flipped_byte_is_found_by_the_doctor_and_then_made_again(site: Site) -> None:
    """Sizes agree, so that only hashing finds it: `--verify full`, `doctor --full`."""
    with site.session() as session:
        (artifact,) = run(site, session).of("add")[0].outputs["number"]
        flip_a_byte(Path(artifact.uri))
        assert doctor(session, mend=True) == ["corrupt"]
        result = run(site, session)
        assert result.of("add")[0].outcome is Outcome.COMPLETE
        require_nothing_partial(session)


def test_a_root_that_is_deleted_while_a_run_goes_on_fails_it_by_name(site: Site) -> None:
    process = site.start("stop@executed#2")
    with site.session() as session:
        wait_until_stopped(process)
        shutil.rmtree(site.profile.artifacts.root)
        process.send_signal(signal.SIGCONT)
        output, complaints = process.communicate(timeout=60)
        told = json.loads(output)
        assert told["state"] == "FAILED", complaints
        (error,) = told["errors"]
        assert error["code"].startswith("PL2")
        assert sorted(set(doctor(session, mend=True))) == ["missing"]
        again = run(site, session)
        assert (again.state, number_of(again, "last")) == (State.COMPLETE, 15)
        require_clean(session)
