"""The launcher's invariants: a real process is killed or stopped at each point, a real disk fills up."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integration.launching import (
    Site,
    doctor,
    number_of,
    plan_of,
    profile_at,
    require_clean,
    require_nothing_partial,
    require_one_success_each,
    run,
)
from pipeline_lib.errors import (
    ArtifactStoreError,
    MetadataUnavailableError,
    RunConflictError,
    UnknownRecordError,
)
from pipeline_lib.faults import LAUNCHING
from pipeline_lib.metadata.records import ArtifactQuery, State
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.runtime.results import Outcome, RunResult
from pipeline_lib.settings import HostSettings, MetadataSettings

NOT_IN_A_CHAIN = {"resolved", "cached", "superseded"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSettings]:
    """One light host for all tests here; none is left behind."""
    settings = HostSettings(directory=tmp_path_factory.mktemp("host"))
    yield settings
    stop_hosts(settings)


@pytest.fixture
def site(tmp_path: Path, host: HostSettings) -> Site:
    source = tmp_path / "number.txt"
    source.write_text("7")
    return Site(profile=profile_at(tmp_path, tmp_path / "artifacts", host), source=source)


# --- killed at each point -------------------------------------------------------------------------------


@pytest.mark.parametrize("point", [point for point in LAUNCHING if point not in NOT_IN_A_CHAIN])
def test_the_doctor_puts_right_what_a_kill_leaves(site: Site, point: str) -> None:
    site.crash(f"kill@{point}")
    with site.session() as session:
        require_nothing_partial(session)
        found = doctor(session, mend=True)
        assert ("orphan" in found) == (point != "run-closed")
        assert "unrecorded" not in found  # cleared away with the execution
        require_clean(session)
        (killed,) = session.store.runs("chain")
        assert killed.state is (State.COMPLETE if point == "run-closed" else State.FAILED)
        again = run(site, session)
        assert (again.state, number_of(again, "last")) == (State.COMPLETE, 15)
        require_one_success_each(session, again.run_id)
        require_clean(session)


@pytest.mark.parametrize("point", ["registered", "executed", "renamed", "completed"])
def test_a_killed_run_is_resumed_and_heals_itself(site: Site, point: str) -> None:
    site.crash(f"kill@{point}#2")
    with site.session() as session:
        (killed,) = session.store.runs("chain")
        before = {str(e.key): e for e in session.store.run_executions(killed.run_id) if e.state.succeeded}
        result = session.run(plan_of("chain"), {}, resume=killed.run_id)
        assert (result.run_id, result.state) == (killed.run_id, State.COMPLETE)
        assert number_of(result, "last") == 15
        assert {str(n.key) for n in result.nodes if n.reason == "complete in this run already"} == set(before)
        require_one_success_each(session, killed.run_id)
        assert set(doctor(session, mend=True)) <= {"staging"}
        require_clean(session)


def test_the_next_run_clears_away_a_dead_try_and_says_so(site: Site) -> None:
    site.crash("kill@renamed#2")
    with site.session() as session:
        result = run(site, session)
        (add,) = result.of("add")
        assert "cleared away after execution 2" in add.reason
        assert set(doctor(session, mend=True)) == {"orphan"}  # the run
        require_clean(session)


def test_a_kill_between_two_outputs_publishes_neither(site: Site) -> None:
    site.crash("kill@renamed#3", pipeline="parts", into=3)
    with site.session() as session:
        require_nothing_partial(session)
        assert [a.node for a in session.store.artifacts(ArtifactQuery())] == ["read"]
        assert len(list(Path(session.profile.artifacts.root, "parts/split/numbers").rglob("*.json"))) == 2
        assert "orphan" in doctor(session, mend=True)
        require_clean(session)
        assert number_of(run(site, session, "parts"), "all") == 9


@pytest.mark.parametrize(("point", "pipeline"), [("cached", "chain"), ("resolved", "newest")])
def test_recording_without_executing_survives_a_kill(site: Site, point: str, pipeline: str) -> None:
    with site.session() as session:
        first = run(site, session, pipeline)
        site.crash(f"kill@{point}", pipeline=pipeline)
        (killed,) = [r for r in session.store.runs(pipeline) if r.run_id != first.run_id]
        result = session.run(plan_of(pipeline), {}, resume=killed.run_id)
        assert result.state is State.COMPLETE
        done = Counter(str(e.key) for e in session.store.run_executions(killed.run_id))
        assert set(done.values()) == {1}
        require_clean(session)


def test_files_that_a_failed_try_could_not_take_back_are_found(site: Site) -> None:
    site.crash("kill@published")
    with site.session() as session:
        (execution,) = session.store.active_executions()
        session.store.finish(execution.id, State.FAILED, {})
        assert "unrecorded" in doctor(session)
        assert "unrecorded" in doctor(session, mend=True)
        require_clean(session)


def test_the_doctor_leaves_a_living_try_alone(site: Site) -> None:
    process = site.start("stop@published")
    with site.session() as session:
        wait_until_stopped(process)
        assert doctor(session, mend=True) == []
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
        assert json.loads(output)["state"] == "COMPLETE"
        require_clean(session)


def test_a_try_taken_for_dead_cannot_publish(site: Site) -> None:
    process = site.start("stop@published")
    with site.session() as session:
        wait_until_stopped(process)
        (execution,) = session.store.active_executions()
        session.store.finish(execution.id, State.FAILED, {"orphaned": True})
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        (failed,) = session.store.run_executions(execution.key.run_id)
        assert (failed.state, failed.facts["error"]["code"]) == (State.FAILED, "PL307")
        assert list(session.store.artifacts(ArtifactQuery())) == []
        require_clean(session)


@pytest.mark.parametrize("point", ["prepared", "staged", "renaming", "published"])
def test_an_error_in_the_launcher_itself_fails_the_node_only(site: Site, point: str) -> None:
    process = site.start(f"raise@{point}")
    output, complaints = process.communicate(timeout=60)
    assert json.loads(output)["state"] == "FAILED", complaints
    with site.session() as session:
        require_clean(session)
        assert run(site, session).state is State.COMPLETE


# --- the same node of the same run, twice at once -------------------------------------------------------


def wait_until_stopped(process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never came to that point"
        time.sleep(0.02)


@pytest.mark.parametrize("point", ["registered", "executed", "published"])
def test_a_try_that_slept_takes_the_outputs_of_the_one_that_won(site: Site, point: str) -> None:
    sleeper = site.start(f"stop@{point}#2")
    with site.session() as session:
        wait_until_stopped(sleeper)
        (asleep,) = session.store.runs("chain")
        won = session.run(plan_of("chain"), {}, resume=asleep.run_id)
        assert won.state is State.COMPLETE
        sleeper.send_signal(signal.SIGCONT)
        output, complaints = sleeper.communicate(timeout=60)
        assert sleeper.returncode == 0, complaints
        told = json.loads(output)
        assert told["state"] == "COMPLETE"
        assert told["outputs"] == {str(n.key): [a.id for a in n.outputs["number"]] for n in won.nodes}
        require_one_success_each(session, asleep.run_id)
        require_clean(session)


def test_the_loser_may_die_before_it_has_cleaned_up(site: Site) -> None:
    sleeper = site.start("stop@published#2")
    with site.session() as session:
        wait_until_stopped(sleeper)
        (asleep,) = session.store.runs("chain")
        won = session.run(plan_of("chain"), {}, resume=asleep.run_id)
        sleeper.kill()
        sleeper.communicate()
        assert "orphan" in doctor(session, mend=True)
        require_clean(session)
        assert number_of(won, "last") == 15


def test_two_processes_resume_one_run_at_once(site: Site) -> None:
    site.crash("kill@prepared")
    with site.session() as session:
        (killed,) = session.store.runs("chain")
        both = [site.start(resume=killed.run_id) for _ in range(2)]
        told = [json.loads(process.communicate(timeout=60)[0]) for process in both]
        assert [t["state"] for t in told] == ["COMPLETE", "COMPLETE"]
        assert told[0]["outputs"] == told[1]["outputs"]
        require_one_success_each(session, killed.run_id)
        require_clean(session)


# --- resuming -------------------------------------------------------------------------------------------


def test_a_failed_run_is_resumed_with_what_it_was_given(site: Site, tmp_path: Path) -> None:
    with site.session() as session:
        given = {"marker": str(tmp_path / "tries"), "failures": 3}
        failed = run(site, session, "shaky", **given)
        assert failed.state is State.FAILED
        site.source.write_text("8")  # complete nodes are not executed again
        result = session.run(plan_of("shaky"), {}, resume=failed.run_id)
        assert (result.state, number_of(result, "flaky")) == (State.COMPLETE, 7)
        stored = session.store.run(failed.run_id)
        assert stored is not None
        assert (stored.state, stored.parameters["failures"]) == (State.COMPLETE, 3)
        assert stored.ended_at is not None
        assert [n.outcome for n in session.run(plan_of("shaky"), {}, resume=failed.run_id).nodes] == [
            Outcome.COMPLETE,
            Outcome.COMPLETE,
        ]


def test_only_a_run_of_the_pipeline_can_be_resumed(site: Site) -> None:
    with site.session() as session:
        result = run(site, session)
        with pytest.raises(RunConflictError, match="is one of pipeline chain"):
            session.run(plan_of("diamond"), {}, resume=result.run_id)
        with pytest.raises(UnknownRecordError, match="there is no run"):
            session.run(plan_of("chain"), {}, resume="nothing")


# --- what the disk and the database do ------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """A file system of its own, which needs root."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take all the space of a disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


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


def test_a_run_waits_for_a_database_that_another_process_locks(site: Site) -> None:
    hold = (
        "import sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "time.sleep(1.5)\n"
    )
    with site.session() as session:
        run(site, session)
        path = session.profile.metadata.url.removeprefix("sqlite:///")
        holder = subprocess.Popen([sys.executable, "-c", hold, path], stdout=subprocess.PIPE, text=True)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        result = run(site, session, plus=3)
        assert result.seconds > 1
        assert holder.wait(10) == 0
        holder.stdout.close()
        assert (result.state, number_of(result, "last")) == (State.COMPLETE, 17)
        require_clean(session)
