"""Who is alive, and whose staging a directory is."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store, staging_name
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ORPHANED, NewExecution, NodeKey, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.healing import (
    clear_dead_tries,
    give_up_older_tries,
    give_up_run,
    is_alive,
    owner_of_staging,
    staging_key,
    unrecorded,
)
from pipeline_lib.runtime.leases import lease_facts
from pipeline_lib.runtime.processes import birth_of

HERE = {"host": socket.gethostname()}
KEY = NodeKey(pipeline="toy", run_id="scheduled__2026-01-01T00:00:00+00:00", node="add", iteration=(1,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as opened:
        yield opened


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return open_artifact_store(str(tmp_path / "root"), cache_dir=tmp_path / "cache")


def start(store: Store, facts: dict[str, Any], key: NodeKey = KEY) -> int:
    return store.start(
        NewExecution(key=key, type_name="toy.add", cache_key="", inputs={}, parameters={}, facts=facts)
    )


def dead() -> dict[str, Any]:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return {**HERE, "pid": process.pid, "pid_started": "another/1"}


def leave_files(tmp_path: Path, execution_id: int, node: str = "add[1]") -> Path:
    place = tmp_path / "root" / "toy" / node / "number" / str(execution_id)
    place.mkdir(parents=True)
    (place / "number.txt").write_text("1")
    return place


@pytest.mark.parametrize(
    ("facts", "alive"),
    [
        pytest.param({**HERE, "pid": os.getpid()}, True, id="this-process"),
        pytest.param(
            {**HERE, "pid": os.getppid(), "pid_started": "another/1"}, False, id="number-used-again"
        ),
        pytest.param({**HERE}, False, id="without-number"),
        pytest.param({"host": "elsewhere", "pid": 1}, True, id="another-host"),
        pytest.param({"host": "elsewhere", "lease_until": "2026-01-01T00:00:00+00:00"}, False, id="lease"),
        pytest.param({**HERE, "pid_namespace": "pid:[1]", "pid": 1}, True, id="another-container"),
        pytest.param(
            {**HERE, "pid": os.getppid(), "pid_started": birth_of(os.getppid())},
            True,
            id="another-process",
        ),
    ],
)
def test_who_is_alive(facts: dict[str, Any], alive: bool) -> None:
    assert is_alive(facts) is alive


def test_a_clock_that_is_set_makes_nobody_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells the moment of its start by that clock, and psutil the birth of a process by that."""
    facts = {**HERE, "pid": os.getppid(), "pid_started": birth_of(os.getppid())}
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda *_: 0.0)
    monkeypatch.setattr(psutil._pslinux, "BOOT_TIME", 0.0, raising=False)
    assert is_alive(facts)


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = birth_of(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive({**HERE, "pid": process.pid, "pid_started": started})
    process.wait()


def test_a_dead_try_is_cleared_away_with_all_it_wrote(
    store: Store, artifacts: ArtifactStore, tmp_path: Path
) -> None:
    gone, living = start(store, dead()), start(store, {**HERE, "pid": os.getpid()})
    places = [leave_files(tmp_path, id_) for id_ in (gone, living)]
    stagings = [artifacts.staging(staging_key(KEY, id_)) for id_ in (gone, living)]
    assert clear_dead_tries(store, artifacts, KEY) == [gone]
    assert [path.exists() for path in (*places, *stagings)] == [False, True, False, True]
    states = {execution.id: execution.state for execution in store.run_executions(KEY.run_id)}
    assert states == {gone: State.FAILED, living: State.RUNNING}


def test_files_of_another_store_are_left_alone(
    store: Store, artifacts: ArtifactStore, tmp_path: Path
) -> None:
    execution_id = start(store, {})
    store.finish(execution_id, State.FAILED, {})
    leave_files(tmp_path, execution_id, node="other")
    leave_files(tmp_path, execution_id + 1)
    older = leave_files(tmp_path, execution_id)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).timestamp()
    os.utime(older, (yesterday, yesterday))
    assert list(unrecorded(store, artifacts)) == []
    os.utime(older)
    assert [place.uri for place in unrecorded(store, artifacts)] == [str(older)]


def test_staging_is_known_by_its_name(store: Store) -> None:
    execution_id = start(store, {})
    name = staging_name(staging_key(KEY, execution_id))
    found = owner_of_staging(store, name)
    assert found is not None
    assert found.id == execution_id
    other = staging_name(staging_key(replace(KEY, run_id="another"), execution_id))
    assert [owner_of_staging(store, n) for n in (other, "removed-x", f"{execution_id}", "")] == [None] * 4


def running_process() -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    return process, {**HERE, "pid": process.pid, "pid_started": birth_of(process.pid)}


def test_an_older_try_is_ended_with_its_process_and_files(
    store: Store, artifacts: ArtifactStore, tmp_path: Path
) -> None:
    process, facts = running_process()
    try:
        older = start(store, {**facts, "try": 1})
        place = leave_files(tmp_path, older)
        assert give_up_older_tries(store, artifacts, KEY, 1) == []
        assert process.poll() is None
        assert give_up_older_tries(store, artifacts, KEY, 2) == [older]
        assert not psutil.pid_exists(process.pid)
    finally:
        process.kill()
    found = store.execution(older)
    assert found is not None
    assert (found.state, found.facts[ORPHANED]) == (State.FAILED, True)
    assert not place.exists()


def test_a_try_on_another_machine_is_told_and_keeps_its_files(
    store: Store, artifacts: ArtifactStore, tmp_path: Path
) -> None:
    away = start(store, {"host": "elsewhere", "pid": 1, "try": 1, **lease_facts()})
    place = leave_files(tmp_path, away)
    assert give_up_older_tries(store, artifacts, KEY, 2) == [away]
    found = store.execution(away)
    assert found is not None
    assert (found.state, found.facts[ORPHANED]) == (State.FAILED, True)
    assert place.exists(), "it may still be writing; it removes them itself"


def test_a_try_of_another_run_is_left_alone(store: Store, artifacts: ArtifactStore) -> None:
    other = start(store, {"host": "elsewhere", "try": 1}, replace(KEY, run_id="other"))
    assert give_up_older_tries(store, artifacts, KEY, 2) == []
    found = store.execution(other)
    assert found is not None
    assert found.state is State.RUNNING


def test_a_run_that_ended_leaves_nothing_running(store: Store, artifacts: ArtifactStore) -> None:
    gone, away = start(store, dead()), start(store, {"host": "elsewhere"})
    assert give_up_run(store, artifacts, KEY.run_id) == [gone, away]
    assert store.active_executions() == []


def test_what_was_stopped_when_its_run_ends_is_canceled_and_gone(
    store: Store, artifacts: ArtifactStore, tmp_path: Path
) -> None:
    process, facts = running_process()
    try:
        stopped, died = start(store, facts), start(store, dead())
        place = leave_files(tmp_path, stopped)
        assert give_up_run(store, artifacts, KEY.run_id) == [stopped, died]
        assert not psutil.pid_exists(process.pid)
    finally:
        process.kill()
    ends = [store.execution(number) for number in (stopped, died)]
    assert [end.state for end in ends if end is not None] == [State.CANCELED, State.FAILED]
    assert not place.exists()


def test_a_try_that_records_its_own_end_meanwhile_keeps_it(
    store: Store, artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = start(store, dead())
    seen = store.run_executions(KEY.run_id)
    store.finish(ending, State.CANCELED, {})
    monkeypatch.setattr(store, "run_executions", lambda *_: seen)
    assert give_up_run(store, artifacts, KEY.run_id) == []
    found = store.execution(ending)
    assert found is not None
    assert found.state is State.CANCELED
    assert ORPHANED not in found.facts
