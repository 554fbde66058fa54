"""A warm pipeline under Airflow beside the local runner; a cached task beside `true`."""

import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measuring import Comparison, Report, timed
from benchmarks.workplace import ROOT, Workplace
from integration.airflow.client import AirflowClient
from integration.airflow.started import free_port
from pipeline_lib.airflow.local import LocalAirflow

CHAPTER = "Airflow: a warm night of flights, SQLite, LocalExecutor"
FIRST, SECOND = date(2013, 6, 13), date(2013, 6, 14)
DATA = {name: f"data/{name}/{{YYYY}}-{{MM}}-{{DD}}.csv" for name in ("flights", "weather")}
PIPELINE = "flight-delays"

_TRUE = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(dag_id="nothing", schedule=None) as dag:
    before = None
    for number in range(6):
        task = BashOperator(task_id=f"true_{number}", bash_command="true")
        if before is not None:
            before >> task
        before = task
"""

# Without its schedule: nothing runs but what is triggered.
_UNSCHEDULED = """
from pathlib import Path

from flight_delays.pipeline import flight_delays
from pipeline_lib.airflow import to_dag

plan = flight_delays.compile().model_copy(update={"schedule": None})
dag = to_dag(plan, profile="airflow", project=Path(__file__).parents[2])
"""


@dataclass(frozen=True, kw_only=True)
class Nights:
    """Seconds of the second night by the local runner and under Airflow, and the tasks of the latter."""

    local: float
    airflow: float
    import_seconds: float
    tasks: dict[str, float]
    cached_tasks: dict[str, float]
    true_tasks: list[float]


@pytest.fixture(scope="module")
def nights(scratch: Path) -> Iterator[Nights]:
    with ExitStack() as stack:
        local, under = (place(scratch, name, stack) for name in ("l", "u"))
        local.run(PIPELINE, day=FIRST.isoformat(), **DATA)
        second = local.run(PIPELINE, day=SECOND.isoformat(), **DATA)
        local.stop_hosts()
        (under.folder / "dags/nothing.py").write_text(_TRUE)
        (under.folder / "dags/flight_delays/dag.py").write_text(_UNSCHEDULED)
        airflow = stack.enter_context(
            LocalAirflow(
                home=under.folder / "home",
                dags=under.folder / "dags",
                port=free_port(),
                directory=under.folder,
                environ={"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"},
            )
        )
        client = AirflowClient.log_in(airflow.url, "admin", airflow.password)
        client.wait_for_dags(2)
        night(client, FIRST)
        tasks, seconds = night(client, SECOND)
        cached_tasks, _ = night(client, SECOND, outcome="cached")
        nothing, state = client.run("nothing", {})
        code = "import tensorflow_data_validation"
        imported = timed([sys.executable, "-c", code], cwd=scratch, log=scratch / "import.log")
        assert state == "success"
        yield Nights(
            local=second.seconds,
            airflow=seconds,
            import_seconds=imported.seconds,
            tasks=tasks,
            cached_tasks=cached_tasks,
            true_tasks=[*durations(client, "nothing", nothing).values()],
        )


def place(scratch: Path, name: str, stack: ExitStack) -> Workplace:
    """A copy of the sample with two nights of flights, a store and a host of its own."""
    folder = scratch / f"af-{name}"
    shutil.copytree(ROOT / "dags/flight_delays", folder / "dags/flight_delays")
    made = Workplace(folder=folder, hosts=scratch / f"ah{name}", dags=folder / "dags").prepare()
    shutil.copy(folder / "configs/local.yaml", folder / "configs/airflow.yaml")
    deliver = (
        "from datetime import date; from pathlib import Path; from flight_delays.data import write_days\n"
        "write_days(Path('data'), [date(2013, 6, 13), date(2013, 6, 14)])"
    )
    subprocess.run(
        [sys.executable, "-c", deliver], cwd=folder, env={"PYTHONPATH": str(folder / "dags")}, check=True
    )
    stack.callback(made.stop_hosts)
    return made


def night(client: AirflowClient, day: date, outcome: str = "") -> tuple[dict[str, float], float]:
    """Seconds of each task, if asked for of those with an outcome, and of the run from queueing to end."""
    run = client.trigger(PIPELINE, {"day": day.isoformat(), **DATA})
    assert client.wait(PIPELINE, run, seconds=600) == "success", client.states(PIPELINE, run)
    record = client.get(f"dags/{PIPELINE}/dagRuns/{run}")
    return durations(client, PIPELINE, run, outcome), between(record, "queued_at")


def durations(client: AirflowClient, dag: str, run: str, outcome: str = "") -> dict[str, float]:
    return {
        task["task_id"]: between(task, "start_date")
        for task in client.tasks(dag, run)
        if not outcome or task["rendered_fields"].get("outcome") == outcome
    }


def between(record: dict[str, Any], start: str) -> float:
    moments = [datetime.fromisoformat(record[name]) for name in (start, "end_date")]
    return (moments[1] - moments[0]).total_seconds()


def test_a_warm_night_beside_the_local_runner(nights: Nights, report: Report) -> None:
    report.add(
        CHAPTER,
        Comparison(
            what=f"whole run, {len(nights.tasks)} tasks",
            beside="the local runner, warm host",
            ours=[nights.airflow],
            other=[nights.local],
        ),
    )
    report.add(
        CHAPTER,
        Comparison(
            what="a task, on top of the local runner",
            beside="two seconds",
            ours=[(nights.airflow - nights.local) / len(nights.tasks)],
            other=[2.0],
            at_most=1.0,
        ),
    )


def test_a_cached_task_beside_true(nights: Nights, report: Report) -> None:
    nodes = list(nights.cached_tasks.values())
    floor = statistics.median(nights.true_tasks)
    report.add(
        CHAPTER,
        Comparison(
            what="task of a cached node",
            beside="BashOperator, `true`",
            ours=nodes,
            other=nights.true_tasks,
        ),
    )
    report.add(
        CHAPTER,
        Comparison(
            what="on top of `true`",
            beside="one second",
            ours=[seconds - floor for seconds in nodes],
            other=[1.0],
            at_most=1.0,
        ),
    )


def test_a_heavy_node_pays_no_imports(nights: Nights, report: Report) -> None:
    report.add(
        CHAPTER,
        Comparison(
            what="compute_statistics, the whole task, host warm",
            beside="a fresh process that imports TFDV",
            ours=[nights.tasks["compute_statistics"]],
            other=[nights.import_seconds],
            at_most=1.0,
        ),
    )
