"""Whole runs, killed at random moments: nothing lost, nothing doubled, nothing partial to be seen.

A few kills in the ordinary tests; `make chaos KILLS=200` for more, `SEED=` to repeat them.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from integration.launching import Site, doctor, profile_at, require_clean, require_nothing_partial
from pipeline_lib.metadata.records import State
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.settings import HostSettings

KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("SEED", "20130614"))
VICTIMS = (
    "launcher",
    "launcher",
    "child",
    "host",
    "child by SIGTERM",
    "host by SIGTERM",
    "launcher by SIGTERM",
    "launcher by SIGTERM and SIGINT",
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    settings = HostSettings(directory=tmp_path / "host")
    source = tmp_path / "number.txt"
    source.write_text("7")
    yield Site(profile=profile_at(tmp_path, tmp_path / "artifacts", settings), source=source)
    stop_hosts(settings)


@pytest.mark.timeout(60 + 30 * KILLS)
def test_random_kills_over_whole_runs(site: Site) -> None:
    chance = random.Random(SEED)
    whole = _seconds_of_a_run(site)
    hit: Counter[str] = Counter()
    for number in range(1, KILLS + 1):
        victim = chance.choice(VICTIMS)
        killed = site.start(plus=number)
        time.sleep(chance.uniform(0.0, whole))
        hit[victim] += _kill(killed, victim, site)
        killed.communicate(timeout=60)
        again = site.start(plus=number)
        told, complaints = again.communicate(timeout=60)
        assert again.returncode == 0, (SEED, number, victim, complaints)
        assert '"state": "COMPLETE"' in told, (SEED, number, victim, told)
    print(f"{KILLS} kills, seed {SEED}, hit: {dict(hit)}")
    with site.session() as session:
        require_nothing_partial(session)
        for run in session.store.runs("chain", limit=10_000):
            done = Counter(str(e.key) for e in session.store.run_executions(run.run_id) if e.state.succeeded)
            assert max(done.values(), default=1) == 1, (SEED, run)
            assert run.state is not State.COMPLETE or done == {"read": 1, "add": 1, "last": 1}, (SEED, run)
        doctor(session, mend=True)
        require_clean(session)


def _seconds_of_a_run(site: Site) -> float:
    """Of one that executes all its nodes with a warm host; the first one starts the host."""
    for number in (-2, -1):
        start = time.monotonic()
        _, complaints = (process := site.start(plus=number)).communicate(timeout=120)
        assert process.returncode == 0, complaints
    return time.monotonic() - start


def _kill(run: subprocess.Popen[str], victim: str, site: Site) -> bool:
    """Whether there was anything to kill: a run may be over, or have no child just now."""
    if run.poll() is not None:
        return False
    how = signal.SIGTERM if "SIGTERM" in victim else signal.SIGKILL
    if victim.startswith("launcher"):
        run.send_signal(how)
        if "SIGINT" in victim:
            run.send_signal(signal.SIGINT)
        return True
    hosts = [
        psutil.Process(int(file.read_text()))
        for file in site.profile.host.directory.rglob("*.pid")
        if psutil.pid_exists(int(file.read_text() or 0))
    ]
    found = [child for host in hosts for child in host.children()] if victim.startswith("child") else hosts
    for process in found[:1]:
        process.send_signal(how)
    return bool(found)
