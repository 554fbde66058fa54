"""A DAG whose tasks Celery workers run, by Redis; needs Debian's redis-server."""

import contextlib
import os
from pathlib import Path

import psutil
import pytest

from integration.airflow.postgresql.plans import BY_CELERY
from integration.airflow.site import (
    Site,
    held_by,
    is_running,
    require_one_of_everything,
    session_of,
)
from pipeline_lib.metadata.records import State, StoredExecution
from waiting import wait_until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("airflow")]


def worker_of(execution: StoredExecution, site: Site) -> str:
    """Which worker's session a task's process is in."""
    session = os.getsid(int(execution.facts["pid"]))
    return next(name for name in ("worker-1", "worker-2") if site.airflow.pid(name) == session)


def test_two_workers_share_the_runs_and_one_dies(site: Site, tmp_path: Path) -> None:
    """Each works on a run; the first is killed with its supervisors, and the other finishes its work."""
    gate = tmp_path / "gate"
    runs = [site.client.trigger(BY_CELERY, {"gate": str(gate), "start": start}) for start in (10, 20)]
    first, second = [held_by(site, run, BY_CELERY) for run in runs]
    assert {worker_of(first, site), worker_of(second, site)} == {"worker-1", "worker-2"}
    task = int(first.facts["pid"])
    leader = site.airflow.pid(worker_of(first, site))
    for process in [psutil.Process(leader), *session_of(leader)]:
        if process.pid != task:  # which is to end by itself
            kill(process)
    wait_until(lambda: not is_running(task))
    wait_until(lambda: len(site.children()) == 1)
    gate.touch()
    assert [site.client.wait(BY_CELERY, run, seconds=120) for run in runs] == ["success"] * 2
    for run in runs:
        require_one_of_everything(site, run, BY_CELERY)
    tries = [(e.state, e.facts["try"]) for e in site.executions(f"{BY_CELERY}.{runs[0]}", "hold")]
    assert tries == [(State.FAILED, 1), (State.COMPLETE, 2)]


def kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
