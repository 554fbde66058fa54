"""Approvals, waiting, schedules and late data in a real Airflow."""

import contextlib
import json
import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration.airflow.client import RefusedError, quoted
from integration.airflow.postgresql.plans import CAUGHT_UP_SINCE
from integration.airflow.site import Site
from pipeline_lib.lineage.queries.staleness import stale
from pipeline_lib.metadata.records import NodeKey, StoredExecution
from waiting import wait_until

pytestmark = pytest.mark.xdist_group("airflow")


@pytest.fixture(scope="module")
def source(site: Site) -> str:
    return site.number("70")


@pytest.fixture(scope="module")
def arrivals(site: Site) -> Path:
    folder = site.folder / "arrivals"
    folder.mkdir()
    return folder


def until_parked(site: Site, dag: str, run: str, task: str, state: str) -> None:
    """The task has left its worker, and the scheduler knows: Airflow fails one that goes on before that."""
    wait_until(lambda: site.client.states(dag, run).get(task) == state)
    key = f"TaskInstanceKey(dag_id={dag!r}, task_id={task!r}, run_id={run!r}"
    told = f"executor event with state success for task instance {key}"
    wait_until(lambda: told in site.airflow.log("scheduler").read_text())


def answer(site: Site, dag: str, run: str, option: str, comment: str | None) -> None:
    task = f"dags/{dag}/dagRuns/{quoted(run)}/taskInstances/approve.publish/-1/hitlDetails"
    site.client.patch(task, {"chosen_options": [option], "params_input": {"comment": comment}})


def approvals(site: Site, dag: str, run: str) -> list[StoredExecution]:
    return [e for e in site.store.run_executions(f"{dag}.{run}") if e.type_name == "approval"]


def published(site: Site, dag: str, run: str) -> bool:
    key = NodeKey(pipeline=dag, run_id=f"{dag}.{run}", node="publish")
    return site.store.completed(key) is not None


def asked(site: Site, dag: str, source: str) -> str:
    run = site.client.trigger(dag, {"source": source})
    until_parked(site, dag, run, "approve.publish", "awaiting_input")
    return run


def notes(site: Site) -> list[str]:
    file = site.folder / "told.txt"
    return file.read_text().splitlines() if file.exists() else []


def test_an_approved_node_runs_and_the_store_knows_who_approved_what(site: Site, source: str) -> None:
    run = asked(site, "gated", source)
    answer(site, "gated", run, "Approve", "looks good")
    assert site.client.wait("gated", run) == "success"
    (recorded,) = approvals(site, "gated", run)
    told = recorded.parameters
    assert (told["decision"], told["by"], told["comment"], told["subject"]) == (
        "approved",
        "admin",
        "looks good",
        "publish",
    )
    (read,) = site.executions(f"gated.{run}", "read")
    assert [a.id for a in recorded.inputs["a"]] == [a.id for a in read.outputs["number"]]
    assert recorded.facts["airflow"]["task"] == "approve.publish"
    assert published(site, "gated", run)
    wait_until(lambda: notes(site).count(f"gated {run}") == 2)  # somebody is waited for; it succeeded


def test_a_rejected_node_is_skipped_with_what_reads_it_and_nothing_is_published(
    site: Site, source: str
) -> None:
    run = asked(site, "gated", source)
    answer(site, "gated", run, "Reject", None)
    assert site.client.wait("gated", run) == "success"
    states = site.client.states("gated", run)
    assert (states["publish"], states["after_publish"], states["beside"]) == ("skipped", "skipped", "success")
    (recorded,) = approvals(site, "gated", run)
    assert (recorded.parameters["decision"], recorded.parameters["by"]) == ("rejected", "admin")
    assert not published(site, "gated", run)
    clear = {"dry_run": False, "dag_run_id": run, "only_failed": False, "task_ids": ["publish"]}
    site.client.post("dags/gated/clearTaskInstances", {**clear, "include_downstream": True})
    assert site.client.wait("gated", run) == "success"
    assert site.client.states("gated", run)["publish"] == "skipped", "a rejection stands"
    assert not published(site, "gated", run)


def test_an_answer_that_overtakes_airflow_counts(site: Site, source: str) -> None:
    """Given as soon as the question is shown, while its task is still leaving the worker: Airflow then takes
    the task for killed and tries it again.
    """
    runs = [site.client.trigger("gated", {"source": source}) for _ in range(4)]
    deadline = time.monotonic() + 180  # each answer may cost a try, and Airflow waits between tries
    while any(site.client.get(f"dags/gated/dagRuns/{quoted(run)}")["state"] != "success" for run in runs):
        assert time.monotonic() < deadline, [site.client.states("gated", run) for run in runs]
        for run in _shown(site, "gated"):
            with contextlib.suppress(RefusedError):  # answered, but not yet read back as such
                answer(site, "gated", run, "Reject", "at once")
    for run in runs:
        (recorded,) = approvals(site, "gated", run)
        assert (recorded.parameters["decision"], recorded.parameters["by"]) == ("rejected", "admin")
        assert site.client.states("gated", run)["publish"] == "skipped"


def _shown(site: Site, dag: str) -> list[str]:
    """Runs with a question among the required actions, which are those of parked tasks: an answer through the
    API in the 50 ms before that is one that Airflow 3.3.2 may forget.
    """
    details = site.client.get(f"dags/{dag}/dagRuns/~/hitlDetails?response_received=false")["hitl_details"]
    tasks = [detail["task_instance"] for detail in details]
    return [task["dag_run_id"] for task in tasks if task["state"] in ("awaiting_input", "deferred")]


def test_nobody_is_asked_about_a_node_whose_condition_does_not_hold(site: Site, source: str) -> None:
    run, state = site.client.run("gated", {"source": source, "limit": 99})
    states = site.client.states("gated", run)
    assert (state, states["approve.publish"], states["publish"]) == ("success", "skipped", "skipped")
    assert approvals(site, "gated", run) == []


def test_no_answer_in_time_is_recorded_and_skips_or_fails_as_the_plan_says(site: Site, source: str) -> None:
    runs = {dag: site.client.trigger(dag, {"source": source}) for dag in ("hasty", "strict")}
    states = {dag: site.client.wait(dag, run) for dag, run in runs.items()}
    assert states == {"hasty": "success", "strict": "failed"}
    assert site.client.states("hasty", runs["hasty"])["publish"] == "skipped"
    assert site.client.states("strict", runs["strict"])["publish"] == "upstream_failed"
    for dag, run in runs.items():
        (recorded,) = approvals(site, dag, run)
        assert (recorded.parameters["decision"], recorded.parameters["by"]) == ("timed_out", "")
        assert not published(site, dag, run)
    wait_until(lambda: notes(site).count(f"strict {runs['strict']}") == 2)


def test_missing_data_is_waited_for_without_a_worker(site: Site, arrivals: Path) -> None:
    run = site.client.trigger("arriving", {"day": "2026-01-01", "folder": str(arrivals)})
    until_parked(site, "arriving", run, "arrive", "deferred")
    assert site.executions(f"arriving.{run}", "arrive") == []
    (arrivals / "2026-01-01.txt").write_text("3")
    assert site.client.wait("arriving", run) == "success"
    (done,) = site.executions(f"arriving.{run}", "arrive")
    assert done.outputs["number"][0].properties["value"] == 3


def test_data_that_does_not_come_in_time_fails_the_run(site: Site, arrivals: Path) -> None:
    conf = {"day": "2026-01-31", "folder": str(arrivals), "wait_seconds": 1.5}
    run, state = site.client.run("arriving", conf)
    states = site.client.states("arriving", run)
    assert (state, states["arrive"], states["odd_only"]) == ("failed", "failed", "upstream_failed")
    assert "2026-01-31.txt is not there" in site.client.log("arriving", run, "arrive")


def test_an_artifact_starts_a_run_of_its_span_and_an_absent_one_does_not(site: Site, arrivals: Path) -> None:
    for day, number in (("2026-01-02", 3), ("2026-01-03", 4)):
        (arrivals / f"{day}.txt").write_text(str(number))
        _, state = site.client.run("arriving", {"day": day, "folder": str(arrivals)})
        assert state == "success"
    wait_until(lambda: {"2026-01-02", "2026-01-03"} <= set(spans(site, "following").values()))
    wait_until(lambda: "2026-01-02" in spans(site, "odd-following").values())
    events = site.client.get("assets/events?source_dag_id=arriving&limit=100")["asset_events"]
    told = [(event["source_task_id"], event["partition_key"], event["extra"]["span"]) for event in events]
    assert ("arrive", "2026-01-03", "2026-01-03") in told
    assert not [event for event in told if event[:2] == ("odd_only", "2026-01-03")]
    assert "2026-01-03" not in spans(site, "odd-following").values()


def spans(site: Site, dag: str) -> dict[str, str]:
    """Span of each run that ended well, by Airflow's id, as the metadata store has it."""
    runs = site.client.get(f"dags/{dag}/dagRuns?limit=100")["dag_runs"]
    good = [run["dag_run_id"] for run in runs if run["state"] == "success"]
    records = {run: site.store.run(f"{dag}.{run}") for run in good}
    return {run: record.span for run, record in records.items() if record is not None}


def days_until(last: date, count: int) -> list[date]:
    return [last - timedelta(days=back) for back in reversed(range(count))]


def test_which_day_each_kind_of_run_is_of(site: Site, arrivals: Path) -> None:
    """The table in docs/how-to/run-in-airflow.md, on the running thing; all runs at once."""
    (scheduled,) = site.client.get("dags/arriving/dagRuns?run_type=scheduled")["dag_runs"]
    last = date.fromisoformat(scheduled["data_interval_start"][:10])
    week = days_until(date(2026, 2, 5), 5)
    for day in {last, *week}:
        (arrivals / f"{day}.txt").write_text("5")
    conf = {"folder": str(arrivals)}
    asked = {
        "by hand, with a day": ("arriving", {"conf": {**conf, "day": "2026-02-03"}, "logical_date": None}),
        "by hand, without": ("arriving", {"conf": conf, "logical_date": None}),
        "by hand, with a logical date": ("arriving", {"conf": conf, "logical_date": "2026-02-04T12:00:00Z"}),
        "on an artifact, by hand": ("following", {"logical_date": None, "partition_key": "2026-02-02"}),
    }
    runs = {"scheduled": ("arriving", scheduled["dag_run_id"])}
    runs |= {name: (dag, triggered(site, dag, body)) for name, (dag, body) in asked.items()}
    backfill(site, "arriving", date(2026, 2, 1), date(2026, 2, 6), conf)
    assert {name: span_at_end(site, dag, run) for name, (dag, run) in runs.items()} == {
        "scheduled": str(last),
        "by hand, with a day": "2026-02-03",
        "by hand, without": str(last),
        "by hand, with a logical date": "2026-02-03",
        "on an artifact, by hand": "2026-02-02",
    }
    wait_until(lambda: backfilled(site) == [str(day) for day in week])


def backfill(site: Site, dag: str, first: date, after: date, conf: dict[str, Any]) -> None:
    """As docs/how-to/run-in-airflow.md says."""
    command = [sys.executable, "-m", "pipeline_lib.airflow.standalone", "backfill", "create", "--dag-id", dag]
    command += ["--from-date", str(first), "--to-date", str(after), "--max-active-runs", "5"]
    command += ["--reprocess-behavior", "completed", "--dag-run-conf", json.dumps(conf)]
    surroundings = {**os.environ, "PROFILE": site.kind}
    subprocess.run(command, cwd=site.folder, env=surroundings, capture_output=True, check=True)


def triggered(site: Site, dag: str, body: dict[str, Any]) -> str:
    return str(site.client.post(f"dags/{dag}/dagRuns", body)["dag_run_id"])


def span_at_end(site: Site, dag: str, run: str) -> str:
    assert site.client.wait(dag, run) == "success", site.client.states(dag, run)
    record = site.store.run(f"{dag}.{run}")
    assert record is not None
    return record.span


def backfilled(site: Site) -> list[str]:
    runs = site.client.get("dags/arriving/dagRuns?run_type=backfill&limit=100")["dag_runs"]
    good = spans(site, "arriving")
    return sorted(good[run["dag_run_id"]] for run in runs if run["dag_run_id"] in good)


def test_catch_up_runs_each_day_since_the_start(site: Site) -> None:
    last = (datetime.now(UTC) - timedelta(hours=3)).date() - timedelta(days=1)
    days = days_until(last, (last - CAUGHT_UP_SINCE).days + 1)
    wait_until(lambda: sorted(spans(site, "daily").values()) == [str(day) for day in days])


def test_late_data_makes_a_new_version_and_tells_what_is_stale(site: Site, arrivals: Path) -> None:
    file = arrivals / "2026-03-01.txt"
    file.write_text("11")
    conf = {"day": "2026-03-01", "folder": str(arrivals)}
    run, state = site.client.run("arriving", conf)
    assert state == "success"
    (odd,) = site.executions(f"arriving.{run}", "odd_only")
    file.write_text("12")
    site.client.post(f"dags/arriving/dagRuns/{quoted(run)}/clear", {"dry_run": False})
    assert site.client.wait("arriving", run) == "success"
    (again,) = site.executions(f"arriving.{run}.2", "arrive")
    assert again.outputs["number"][0].properties["value"] == 12
    found = stale(site.store, pipeline="arriving", spans=(20260301, 20260301))
    assert [(version.old.properties["value"], version.new.id) for version in found.versions] == [
        (11, again.outputs["number"][0].id)
    ]
    assert found.artifacts == (), "this run has made anew what hung on it"
    assert odd.outputs["odd"][0].id not in [one.artifact.id for one in found.artifacts]


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        pytest.param({"at": "2026-01-01T10:00:00Z", "share": 1.5}, "greater than the maximum", id="range"),
        pytest.param({"at": "at noon"}, "at", id="no date-time"),
        pytest.param({"at": "2026-02-30T10:00:00Z"}, "at", id="no such day"),
        pytest.param({}, "at", id="missing"),
    ],
)
def test_bad_values_are_refused_by_rest(site: Site, conf: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match="400") as refused:
        site.client.trigger("timed", conf)
    assert said in str(refused.value)
