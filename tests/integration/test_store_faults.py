"""The metadata store locked, stopped, killed, removed: nothing succeeds that is not recorded."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integration.launching import (
    Site,
    doctor,
    number_of,
    require_clean,
    require_nothing_partial,
    require_one_success_each,
    run,
    wait_until_stopped,
)
from pipeline_lib.metadata.records import ArtifactQuery, State
from pipeline_lib.settings import MetadataSettings
from postgres_server import Server, own_server

# --- SQLite ---------------------------------------------------------------------------------------------


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
        started = time.monotonic()
        result = run(site, session, plus=3)
        assert time.monotonic() - started > 1
        assert holder.wait(60) == 0
        holder.stdout.close()
        assert (result.state, number_of(result, "last")) == (State.COMPLETE, 17)
        require_clean(session)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_is_taken_away_fails_the_run(site: Site, tmp_path: Path, replaced: bool) -> None:
    """SQLite would go on writing to the file without a name: a success that nobody could ever find."""
    file = tmp_path / "metadata.sqlite"
    process = site.start("stop@published#2")
    wait_until_stopped(process)
    file.rename(tmp_path / "taken")
    if replaced:
        shutil.copy(tmp_path / "taken", file)
    process.send_signal(signal.SIGCONT)
    output, complaints = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert "the file of the metadata store was removed or replaced while it was open" in complaints
    assert file.exists() == replaced
    (tmp_path / "taken").rename(file)
    require_healed(site)


def require_healed(site: Site) -> None:
    """The next run clears away what the failed one could not record the end of."""
    with site.session() as session:
        require_nothing_partial(session)
        again = run(site, session)
        assert (again.state, number_of(again, "last")) == (State.COMPLETE, 15)
        assert "whose process died" in again.of("add")[0].reason
        assert doctor(session, mend=True) == ["orphan"], "the run itself"
        require_clean(session)


# --- PostgreSQL -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as started:
        yield started


@pytest.fixture
def there(site: Site, server: Server) -> Site:
    """The same place, with the store on PostgreSQL."""
    metadata = MetadataSettings(url=server.fresh_url())
    return replace(site, profile=site.profile.model_copy(update={"metadata": metadata}))


def database_of(site: Site) -> str:
    return site.profile.metadata.url.partition("@/")[2].partition("?")[0]


def require_recorded(site: Site, output: str, complaints: str) -> None:
    """One run, complete, every node once, nothing left over."""
    told = json.loads(output)
    assert told["state"] == "COMPLETE", (told["errors"], complaints)
    with site.session() as session:
        (done,) = session.store.runs("chain")
        assert done.state is State.COMPLETE
        require_one_success_each(session, done.run_id)
        require_nothing_partial(session)
        require_clean(session)


@pytest.mark.parametrize(
    ("point", "how"),
    [
        pytest.param("registered", signal.SIGKILL, id="killed-before-the-body"),
        pytest.param("published", signal.SIGINT, id="stopped-before-the-transaction"),
        pytest.param("published", signal.SIGKILL, id="killed-before-the-transaction"),
        pytest.param("completed", signal.SIGINT, id="stopped-after-the-transaction"),
    ],
)
def test_a_run_outlives_a_server_that_comes_back(
    there: Site, server: Server, point: str, how: signal.Signals
) -> None:
    process = there.start(f"stop@{point}#2")
    wait_until_stopped(process)
    server.stop(how)
    process.send_signal(signal.SIGCONT)
    time.sleep(1)  # it meets a server that is not there
    assert process.poll() is None, process.communicate()
    server.start()
    require_recorded(there, *process.communicate(timeout=60))


def test_a_server_killed_within_the_transaction_loses_nothing(there: Site, server: Server) -> None:
    """Execution and artifact are written, the events wait for a lock, nothing is committed."""
    process = there.start("stop@published#2")
    wait_until_stopped(process)
    name = database_of(there)
    with server.connection(name) as locking:
        locking.execute("LOCK TABLE event IN EXCLUSIVE MODE")
        process.send_signal(signal.SIGCONT)
        server.wait_for_lock(name)
        server.stop(signal.SIGKILL)
        locking.close()
    server.start()
    require_recorded(there, *process.communicate(timeout=60))


def test_a_server_that_stays_away_fails_the_run_and_the_next_one_heals_it(
    there: Site, server: Server
) -> None:
    process = there.start_all([{**there.order(), "patience": 0.5}], "stop@published#2")
    wait_until_stopped(process)
    server.stop(signal.SIGKILL)
    try:
        process.send_signal(signal.SIGCONT)
        output, complaints = process.communicate(timeout=60)
        assert (process.returncode, output) == (1, "")
        assert "MetadataUnavailableError" in complaints
        assert database_of(there) in complaints
    finally:
        server.start()
    require_healed(there)


# --- two clients ----------------------------------------------------------------------------------------

ELSEWHERE = ["unshare", "--uts", *([] if os.geteuid() == 0 else ["--map-root-user"])]
ELSEWHERE += ["sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
"""Runs a command on what looks like another machine: whether it lives is then told by its lease alone."""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_who_slept_past_its_lease_takes_what_another_machine_made(there: Site) -> None:
    order = {**there.order(), "lease": 0.5}
    sleeper = there.start_all([order], "stop@published#2", under=ELSEWHERE)
    wait_until_stopped(sleeper)
    with there.session() as session:
        (asleep,) = session.store.runs("chain")
        (given_up,) = session.store.active_executions()
    time.sleep(1.1)  # the lease, and by how much clocks may differ
    other = there.start_all([{**order, "resume": asleep.run_id}])
    won = told(other)
    sleeper.send_signal(signal.SIGCONT)
    awake = told(sleeper)
    assert (won["state"], awake["state"]) == ("COMPLETE", "COMPLETE")
    assert won["outputs"] == awake["outputs"]
    with there.session() as session:
        (add,) = (
            e
            for e in session.store.run_executions(asleep.run_id)
            if str(e.key) == "add" and e.state.succeeded
        )
        assert add.id != given_up.id
        found = {e.id: e.state for e in session.store.run_executions(asleep.run_id)}
        assert found[given_up.id] is State.FAILED
        require_one_success_each(session, asleep.run_id)
        assert len(session.store.artifacts(ArtifactQuery())) == 3
        require_nothing_partial(session)
        require_clean(session)


def told(process: subprocess.Popen[str]) -> Mapping[str, Any]:
    output, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    return json.loads(output)
