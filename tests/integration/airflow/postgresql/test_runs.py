"""Pipelines in a real Airflow: its four processes, its REST API, our store."""

import os
import signal
from typing import Any

import pytest

from integration.airflow.client import RefusedError, quoted
from integration.airflow.postgresql.plans import OPTIONS
from integration.airflow.site import Site
from pipeline_lib.metadata.records import State
from waiting import wait_until

pytestmark = pytest.mark.xdist_group("airflow")


def value(site: Site, run: str, dag: str, node: str) -> int:
    return int(site.completed(dag, run, node).outputs["number"][0].properties["value"])


def test_a_pipeline_runs_and_the_second_time_comes_from_the_cache(site: Site) -> None:
    client, source = site.client, site.number("7")
    first, state = client.run("chain", {"source": source})
    assert state == "success"
    assert value(site, first, "chain", "last") == 15
    assert client.xcom("chain", first, "add")["outcome"] == "complete"
    assert "reading" in client.log("chain", first, "read")
    second, state = client.run("chain", {"source": source})
    assert state == "success"
    cached = {task["task_id"]: task["rendered_fields"] for task in client.tasks("chain", second)}
    assert [cached[node]["outcome"] for node in ("read", "add", "last")] == ["cached"] * 3
    assert value(site, second, "chain", "last") == 15
    client.post(f"dags/chain/dagRuns/{quoted(second)}/clear", {"dry_run": False})
    assert client.wait("chain", second) == "success"
    again = site.store.run(f"chain.{second}.2")
    assert again is not None, "a run that is cleared as a whole looks at its data anew"


def test_a_condition_skips_only_its_own_task(site: Site) -> None:
    client = site.client
    run, state = client.run("diamond", {"source": site.number("7"), "limit": 10})
    assert state == "success"
    states = client.states("diamond", run)
    assert (states["large"], states["small"], states["finish_run"]) == ("skipped", "success", "success")


def test_a_loop_is_mapped_and_gathered(site: Site) -> None:
    client = site.client
    run, state = client.run("fan", {"source": site.number("7"), "steps": [10, 20]})
    assert state == "success"
    assert [task for task in client.states("fan", run) if task.startswith("add")] == ["add[0]", "add[1]"]
    assert value(site, run, "fan", "total") == 44
    empty, state = client.run("fan", {"source": site.number("7"), "steps": []})
    assert (state, value(site, empty, "fan", "total")) == ("success", 0)


def test_airflow_retries_and_both_tries_are_recorded(site: Site) -> None:
    client, marker = site.client, site.folder / "marker"
    conf = {"source": site.number("8"), "marker": str(marker), "failures": 1}
    run, state = client.run("shaky", conf)
    assert state == "success"
    (flaky,) = [task for task in client.tasks("shaky", run) if task["task_id"] == "flaky"]
    assert flaky["try_number"] == 2
    tries = site.executions(f"shaky.{run}", "flaky")
    assert [e.state for e in tries] == [State.FAILED, State.COMPLETE]
    assert [e.facts["airflow"]["try"] for e in tries] == [1, 2]


def test_a_failing_node_blocks_what_needs_it_and_fails_the_run(site: Site) -> None:
    client, told = site.client, site.folder / "told"
    conf = {"source": site.number("9"), "how": "raise", "marker": str(told)}
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
    record = site.store.run(f"wicked.{run}")
    assert record is not None
    assert record.state is State.FAILED


def test_a_task_marked_failed_stops_its_child_and_is_recorded(site: Site) -> None:
    client, marker = site.client, site.folder / "told-of-kill"
    conf = {"source": site.number("11"), "how": "hang", "marker": str(marker)}
    run = client.trigger("wicked", conf)
    hanging = wait_until(lambda: site.executions(f"wicked.{run}", "misbehave"))[0]
    task = f"dags/wicked/dagRuns/{quoted(run)}/taskInstances/misbehave"
    client.patch(task, {"new_state": "failed"})
    assert client.wait("wicked", run) == "failed"
    wait_until(lambda: site.store.execution(hanging.id).state is State.CANCELED)
    assert State.RUNNING not in [e.state for e in site.store.run_executions(f"wicked.{run}")]


def test_a_killed_task_takes_its_child_along_and_a_cleared_one_goes_on(site: Site) -> None:
    client, marker = site.client, site.folder / "told-of-death"
    conf = {"source": site.number("12"), "how": "hang", "marker": str(marker)}
    run = client.trigger("wicked", conf)
    (hanging,) = wait_until(lambda: site.executions(f"wicked.{run}", "misbehave"))
    wait_until(site.children)
    os.kill(int(hanging.facts["pid"]), signal.SIGKILL)
    assert client.wait("wicked", run) == "failed"
    wait_until(lambda: site.children() == [])
    body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "task_ids": ["beside", "finish_run"]}
    client.post("dags/wicked/clearTaskInstances", body)
    assert client.wait("wicked", run) == "failed"
    (beside,) = site.executions(f"wicked.{run}", "beside")
    assert client.xcom("wicked", run, "beside")["reason"] == "complete in this run already"
    assert client.xcom("wicked", run, "beside")["execution"] == beside.id


def test_resolvers_choose_once_and_are_read_by_later_tasks(site: Site) -> None:
    client = site.client
    totals = []
    for span in (1, 2):
        conf = {"source": site.number(str(10**span)), "span": span, "day": f"2026-01-0{span}"}
        run, state = client.run("windowed", conf)
        assert state == "success"
        totals.append(value(site, run, "windowed", "total"))
    assert totals == [10, 110]


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        pytest.param({"source": "x", "plus": "many"}, "is not of type 'integer'", id="type"),
        pytest.param({}, "source", id="missing"),
    ],
)
def test_a_bad_parameter_is_refused_by_the_api(site: Site, conf: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match="400") as refused:
        site.client.trigger("chain", conf)
    assert said in str(refused.value)


def test_an_unknown_parameter_is_refused_by_the_first_task(site: Site) -> None:
    client = site.client
    run, state = client.run("chain", {"source": site.number("7"), "pluss": 3})
    states = client.states("chain", run)
    assert (state, states["start_run"], states["read"]) == ("failed", "failed", "upstream_failed")
    assert "did you mean plus?" in client.log("chain", run, "start_run")


def test_every_output_is_an_asset_event(site: Site) -> None:
    client = site.client
    run, _ = client.run("chain", {"source": site.number("7")})
    events = client.get("assets/events?source_dag_id=chain&order_by=-timestamp&limit=50")["asset_events"]
    (event,) = [e for e in events if e["source_run_id"] == run and e["source_task_id"] == "last"]
    done = site.completed("chain", run, "last")
    assert event["extra"]["digest"] == done.outputs["number"][0].digest
    assert client.get(f"dags/chain/dagRuns/{quoted(run)}")["state"] == "success"


def test_a_nodes_options_are_those_of_its_task(site: Site) -> None:
    """And its time limit ends the body, not only the task."""
    client, marker = site.client, site.folder / "told-of-limit"
    client.post("pools", {"name": OPTIONS["pool"], "slots": 1})
    conf = {"source": site.number("11"), "how": "hang", "marker": str(marker)}
    run, state = client.run("bounded", conf)
    task = client.get("dags/bounded/tasks/misbehave")
    assert (task["owner"], task["pool"], task["queue"], task["priority_weight"], task["trigger_rule"]) == (
        "ana",
        "narrow",
        "default",
        7,
        "none_failed",
    )
    (tried,) = [task for task in client.tasks("bounded", run) if task["task_id"] == "misbehave"]
    assert (tried["pool"], tried["queue"], tried["executor_config"]) == (
        "narrow",
        "default",
        str(OPTIONS["executor_config"]),
    )
    assert (state, tried["state"], client.states("bounded", run)["tell"]) == ("failed", "failed", "success")
    (ended,) = site.executions(f"bounded.{run}", "misbehave")
    assert ended.state is State.FAILED
    wait_until(lambda: site.children() == [])
