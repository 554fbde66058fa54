"""Two runs at once, kills of a task's processes, and what its log shows meanwhile."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from integration.airflow.client import quoted
from integration.airflow.site import Site, held_by, is_running, require_one_of_everything
from pipeline_lib.metadata.records import State, StoredExecution
from waiting import wait_until

pytestmark = pytest.mark.xdist_group("airflow")


def trigger(site: Site, gate: Path, start: int = 1) -> str:
    return site.client.trigger("held", {"gate": str(gate), "start": start})


def task_process(execution: StoredExecution) -> int:
    return int(execution.facts["pid"])


def supervisor(execution: StoredExecution) -> int:
    return psutil.Process(task_process(execution)).ppid()


def test_a_killed_process_is_followed_by_one_retry(site: Site, tmp_path: Path) -> None:
    """A run whose task is killed, and beside it one whose supervisor is: both waits at once."""
    gate = tmp_path / "gate"
    runs = [trigger(site, gate, start) for start in (1, 2)]
    first = [held_by(site, run) for run in runs]
    children = wait_until(lambda: site.children() if len(site.children()) == 2 else None)
    victims = [task_process(first[0]), supervisor(first[1])]
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    for pid in [*victims, *map(task_process, first), *(child.pid for child in children)]:
        wait_until(lambda pid=pid: not is_running(pid))
    gate.touch()
    assert [site.client.wait("held", run) for run in runs] == ["success"] * 2
    for run in runs:
        require_one_of_everything(site, run)
        tries = site.executions(f"held.{run}", "hold")
        assert [(e.state, e.facts["try"]) for e in tries] == [(State.FAILED, 1), (State.COMPLETE, 2)]
        assert tries[0].facts["orphaned"] is True


def test_a_task_cleared_while_it_runs_starts_anew(site: Site, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = trigger(site, gate)
    first = held_by(site, run)
    body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "task_ids": ["hold"]}
    site.client.post("dags/held/clearTaskInstances", body)
    wait_until(lambda: not is_running(task_process(first)))
    gate.touch()
    assert site.client.wait("held", run) == "success"
    require_one_of_everything(site, run)
    states = [e.state for e in site.executions(f"held.{run}", "hold")]
    assert states == [State.CANCELED, State.COMPLETE]


def test_two_runs_at_once_and_what_they_show_meanwhile(site: Site, tmp_path: Path) -> None:
    client, gate = site.client, tmp_path / "gate"
    runs = [trigger(site, gate, start) for start in (10, 20)]
    executions = [held_by(site, run) for run in runs]
    wait_until(lambda: len(site.children()) == 2)

    # The child's lines are there while it runs, with level, logger and fields.
    wait_until(lambda: "a printed line" in client.log("held", runs[0], "hold"))
    lines = [json.loads(line) for line in client.log("held", runs[0], "hold").splitlines()]
    (waiting,) = [line for line in lines if line["event"] == "waiting"]
    assert (waiting["level"], waiting["logger"]) == ("warning", "pipeline.node.held")
    assert waiting["gate"] == "gate"
    assert client.states("held", runs[0])["hold"] == "running"

    gate.touch()
    assert [client.wait("held", run) for run in runs] == ["success"] * 2
    for run, execution, start in zip(runs, executions, (10, 20), strict=True):
        require_one_of_everything(site, run)
        done = site.completed("held", run, "hold")
        assert (done.id, done.outputs["count"][0].properties["value"]) == (execution.id, start + 1)

        # Links both ways.
        (task,) = [task for task in client.tasks("held", run) if task["task_id"] == "hold"]
        assert task["rendered_fields"]["store_run"] == f"held.{run}"
        assert task["rendered_fields"]["execution"] == str(done.id)
        assert client.xcom("held", run, "hold")["run_id"] == f"held.{run}"
        assert done.facts["airflow"]["url"].startswith(f"{client.url}/dags/held/runs/{quoted(run)}")
        record = site.store.run(f"held.{run}")
        assert record is not None
        assert record.facts["airflow"]["run"] == run


def test_a_body_knows_nothing_of_airflows_settings_and_modules(site: Site, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    run = trigger(site, gate)
    assert site.client.wait("held", run) == "success"
    seen = site.completed("held", run, "look_around").outputs["seen"][0].properties
    assert all(name.startswith("AIRFLOW_CTX_") for name in seen["airflow"])
    assert seen["imports"] == []
