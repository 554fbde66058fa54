"""Whole runs, killed at random moments: nothing lost, nothing doubled, nothing partial to be seen.

A few kills in the ordinary tests; `make chaos KILLS=200` for more, `SEED=` to repeat them.
"""

import contextlib
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
BODY_SECONDS = 0.2
"""Long enough for a child to be killed at work, as most real ones would be."""
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
def test_random_kills_over_whole_runs(site: Site, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    whole = _seconds_of_a_run(site, tmp_path)
    hit: Counter[str] = Counter()
    for number in range(1, KILLS + 1):
        victim = chance.choice(VICTIMS)
        given = {"plus": number, "marker": str(tmp_path / f"worked-{number}"), "seconds": BODY_SECONDS}
        killed = site.start(pipeline="busy", **given)
        if victim.startswith("child"):
            _wait_for_child(killed, site)
            time.sleep(chance.uniform(0.0, 0.75 * BODY_SECONDS))
        else:
            time.sleep(chance.uniform(0.0, whole))
        hit[victim] += _kill(killed, victim, site)
        killed.communicate(timeout=60)
        again = site.start(pipeline="busy", **given)
        told, complaints = again.communicate(timeout=60)
        assert again.returncode == 0, (SEED, number, victim, complaints)
        assert '"state": "COMPLETE"' in told, (SEED, number, victim, told)
    print(f"{KILLS} kills, seed {SEED}, hit {sum(hit.values())}: {dict(hit)}")
    missed = {"launcher", "child", "host"} - {victim.partition(" ")[0] for victim in hit if hit[victim]}
    assert len(missed) < (1 if KILLS >= 100 else 3), (SEED, hit)
    with site.session() as session:
        require_nothing_partial(session)
        for run in session.store.runs("busy", limit=10_000):
            done = Counter(str(e.key) for e in session.store.run_executions(run.run_id) if e.state.succeeded)
            assert max(done.values(), default=1) == 1, (SEED, run)
            assert run.state is not State.COMPLETE or done == {"read": 1, "work": 1, "last": 1}, (SEED, run)
        doctor(session, mend=True)
        require_clean(session)


def _seconds_of_a_run(site: Site, folder: Path) -> float:
    """Of one that executes its nodes with a warm host; the first one starts the host."""
    for number in (-2, -1):
        start = time.monotonic()
        process = site.start(
            pipeline="busy", plus=number, marker=str(folder / f"worked{number}"), seconds=BODY_SECONDS
        )
        _, complaints = process.communicate(timeout=120)
        assert process.returncode == 0, complaints
    return time.monotonic() - start


def _wait_for_child(run: subprocess.Popen[str], site: Site) -> None:
    """Until the host has a child, which a run has for half of its time at most; or the run is over."""
    while run.poll() is None and not _children(site):
        time.sleep(0.005)


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
    found = _children(site) if victim.startswith("child") else _hosts(site)
    gone = True
    for process in found[:1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(how)
            gone = False
    return not gone


def _hosts(site: Site) -> list[psutil.Process]:
    pids = [int(file.read_text() or 0) for file in site.profile.host.directory.rglob("*.pid")]
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def _children(site: Site) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [child for host in _hosts(site) for child in host.children()]
    return []
