"""Pipelines in a real Airflow: its four processes, its REST API, our store."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.airflow_client import AirflowClient, RefusedError, quoted
from integration.airflow_site import Site, wait_for
from pipeline_lib.metadata.records import NodeKey, State, StoredExecution
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.host.protocol import RunningChild
from pipeline_lib.runtime.host.starting import running_hosts
from pipeline_lib.settings import HostSettings

pytestmark = pytest.mark.xdist_group("airflow")


@dataclass(frozen=True, kw_only=True)
class Installation:
    client: AirflowClient
    store: Store
    folder: Path
    host: HostSettings

    def source(self, text: str) -> str:
        file = self.folder / f"number-{text}.txt"
        file.write_text(text)
        return str(file)

    def value(self, run: str, dag: str, node: str) -> int:
        done = self.store.completed(NodeKey(pipeline=dag, run_id=f"{dag}.{run}", node=node))
        assert done is not None
        return int(done.outputs["number"][0].properties["value"])


@pytest.fixture(scope="module")
def installation(airflow_site: Site) -> Installation:
    site = airflow_site
    return Installation(client=site.client, store=site.store, folder=site.folder, host=site.host)


def executions(installation: Installation, run: str, node: str) -> list[StoredExecution]:
    return [e for e in installation.store.run_executions(run) if e.key.node == node]


def children(installation: Installation) -> list[RunningChild]:
    return [child for _, status in running_hosts(installation.host) for child in status.children]


def test_a_pipeline_runs_and_the_second_time_comes_from_the_cache(installation: Installation) -> None:
    client, source = installation.client, installation.source("7")
    first, state = client.run("chain", {"source": source})
    assert state == "success"
    assert installation.value(first, "chain", "last") == 15
    assert client.xcom("chain", first, "add")["outcome"] == "complete"
    assert "reading" in client.log("chain", first, "read")
    second, state = client.run("chain", {"source": source})
    assert state == "success"
    cached = {task["task_id"]: task["rendered_fields"] for task in client.tasks("chain", second)}
    assert [cached[node]["outcome"] for node in ("read", "add", "last")] == ["cached"] * 3
    assert installation.value(second, "chain", "last") == 15
    client.post(f"dags/chain/dagRuns/{quoted(second)}/clear", {"dry_run": False})
    assert client.wait("chain", second) == "success"
    again = installation.store.run(f"chain.{second}.2")
    assert again is not None, "a run that is cleared as a whole looks at its data anew"


def test_a_condition_skips_only_its_own_task(installation: Installation) -> None:
    client = installation.client
    run, state = client.run("diamond", {"source": installation.source("7"), "limit": 10})
    assert state == "success"
    states = client.states("diamond", run)
    assert (states["large"], states["small"], states["finish_run"]) == ("skipped", "success", "success")


def test_a_loop_is_mapped_and_gathered(installation: Installation) -> None:
    client = installation.client
    run, state = client.run("fan", {"source": installation.source("7"), "steps": [10, 20]})
    assert state == "success"
    assert [task for task in client.states("fan", run) if task.startswith("add")] == ["add[0]", "add[1]"]
    assert installation.value(run, "fan", "total") == 44
    empty, state = client.run("fan", {"source": installation.source("7"), "steps": []})
    assert (state, installation.value(empty, "fan", "total")) == ("success", 0)


def test_airflow_retries_and_both_tries_are_recorded(installation: Installation) -> None:
    client, marker = installation.client, installation.folder / "marker"
    conf = {"source": installation.source("8"), "marker": str(marker), "failures": 1}
    run, state = client.run("shaky", conf)
    assert state == "success"
    (flaky,) = [task for task in client.tasks("shaky", run) if task["task_id"] == "flaky"]
    assert flaky["try_number"] == 2
    tries = executions(installation, f"shaky.{run}", "flaky")
    assert [e.state for e in tries] == [State.FAILED, State.COMPLETE]
    assert [e.facts["airflow"]["try"] for e in tries] == [1, 2]


def test_a_failing_node_blocks_what_needs_it_and_fails_the_run(installation: Installation) -> None:
    client, told = installation.client, installation.folder / "told"
    conf = {"source": installation.source("9"), "how": "raise", "marker": str(told)}
    run, state = client.run("wicked", conf)
    assert state == "failed"
    states = client.states("wicked", run)
    assert {task: states[task] for task in ("misbehave", "after_bad", "beside", "tell")} == {
        "misbehave": "failed",
        "after_bad": "upstream_failed",
        "beside": "success",
        "tell": "success",
    }
    assert told.read_text() == "told"
    assert "a body that raises" in client.log("wicked", run, "misbehave")
    record = installation.store.run(f"wicked.{run}")
    assert record is not None
    assert record.state is State.FAILED


def test_a_task_marked_failed_stops_its_child_and_is_recorded(installation: Installation) -> None:
    client, marker = installation.client, installation.folder / "told-of-kill"
    conf = {"source": installation.source("11"), "how": "hang", "marker": str(marker)}
    run = client.trigger("wicked", conf)
    hanging = wait_for(lambda: executions(installation, f"wicked.{run}", "misbehave"))[0]
    task = f"dags/wicked/dagRuns/{quoted(run)}/taskInstances/misbehave"
    client.patch(task, {"new_state": "failed"})
    assert client.wait("wicked", run) == "failed"
    wait_for(lambda: installation.store.execution(hanging.id).state is State.CANCELED)
    assert not installation.store.active_executions()


def test_a_killed_task_takes_its_child_along_and_a_cleared_one_goes_on(installation: Installation) -> None:
    client, marker = installation.client, installation.folder / "told-of-death"
    conf = {"source": installation.source("12"), "how": "hang", "marker": str(marker)}
    run = client.trigger("wicked", conf)
    (hanging,) = wait_for(lambda: executions(installation, f"wicked.{run}", "misbehave"))
    wait_for(lambda: children(installation))
    os.kill(int(hanging.facts["pid"]), signal.SIGKILL)
    assert client.wait("wicked", run) == "failed"
    assert children(installation) == []
    body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "task_ids": ["beside", "finish_run"]}
    client.post("dags/wicked/clearTaskInstances", body)
    assert client.wait("wicked", run) == "failed"
    (beside,) = executions(installation, f"wicked.{run}", "beside")
    assert client.xcom("wicked", run, "beside")["reason"] == "complete in this run already"
    assert client.xcom("wicked", run, "beside")["execution"] == beside.id


def test_resolvers_choose_once_and_are_read_by_later_tasks(installation: Installation) -> None:
    client = installation.client
    totals = []
    for span in (1, 2):
        conf = {"source": installation.source(str(10**span)), "span": span, "day": f"2026-01-0{span}"}
        run, state = client.run("windowed", conf)
        assert state == "success"
        totals.append(installation.value(run, "windowed", "total"))
    assert totals == [10, 110]


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        pytest.param({"source": "x", "plus": "many"}, "is not of type 'integer'", id="type"),
        pytest.param({}, "source", id="missing"),
    ],
)
def test_a_bad_parameter_is_refused_by_the_api(
    installation: Installation, conf: dict[str, Any], said: str
) -> None:
    with pytest.raises(RefusedError, match="400") as refused:
        installation.client.trigger("chain", conf)
    assert said in str(refused.value)


def test_an_unknown_parameter_is_refused_by_the_first_task(installation: Installation) -> None:
    client = installation.client
    run, state = client.run("chain", {"source": installation.source("7"), "pluss": 3})
    states = client.states("chain", run)
    assert (state, states["start_run"], states["read"]) == ("failed", "failed", "upstream_failed")
    assert "did you mean plus?" in client.log("chain", run, "start_run")


def test_every_output_is_an_asset_event(installation: Installation) -> None:
    client = installation.client
    run, _ = client.run("chain", {"source": installation.source("7")})
    events = client.get("assets/events?source_dag_id=chain&order_by=-timestamp&limit=50")["asset_events"]
    (event,) = [e for e in events if e["source_run_id"] == run and e["source_task_id"] == "last"]
    done = installation.store.completed(NodeKey(pipeline="chain", run_id=f"chain.{run}", node="last"))
    assert done is not None
    assert event["extra"]["digest"] == done.outputs["number"][0].digest
    assert client.get(f"dags/chain/dagRuns/{quoted(run)}")["state"] == "success"
