"""What a DAG file of ours costs Airflow's DAG processor."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import Comparison, Report
from benchmarks.workplace import ROOT

CHAPTER = "Airflow: reading a DAG file, seconds of the processor"
HEAVY = ("tensorflow", "apache_beam", "pyarrow", "ml_metadata", "numpy", "pandas")

# Times one file after Airflow's own imports, which every DAG file shares; says what else it has imported. In
# seconds of the processor: one thread reads files that lie in memory.
_PARSE = """
import json, runpy, sys, time
from airflow.sdk import DAG, BaseOperator
import airflow.providers.standard.operators.bash
sys.path.insert(0, sys.argv[2])
started = time.process_time()
found = runpy.run_path(sys.argv[1])["dag"]
seconds = time.process_time() - started
edges = {task_id: sorted(task.upstream_task_ids) for task_id, task in found.task_dict.items()}
print(json.dumps({"seconds": seconds, "edges": edges, "modules": sorted(sys.modules)}))
"""

_BY_HAND = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(dag_id="by-hand", schedule="0 3 * * *") as dag:
    tasks = {{name: BashOperator(task_id=name, bash_command="true") for name in {edges!r}}}
    for name, upstream in {edges!r}.items():
        tasks[name].set_upstream([tasks[other] for other in upstream])
"""

_LONG = """
from pipeline_lib import Artifact, component, pipeline


class Number(Artifact):
    value: int


@component
def one() -> Number:
    return Number.new(value=1)


@component
def more(number: Number) -> Number:
    return Number.new(value=number.value + 1)


@pipeline(name="long")
def long() -> None:
    number = one()
    for step in range(199):
        number = more.options(id=f"more_{step}")(number)
"""

_COMPILE = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from pipeline_lib.airflow import to_dag
from long_pipeline import long
to_dag(long)
started = time.process_time()
dag = to_dag(long)
print(json.dumps({"seconds": time.process_time() - started, "tasks": len(dag.task_dict)}))
"""


def test_a_dag_file_beside_one_written_by_hand(scratch: Path, quick: bool, report: Report) -> None:
    ours = ROOT / "dags/flight_delays/dag.py"
    by_hand = scratch / "by_hand.py"
    first = parse(scratch, ours)
    by_hand.write_text(_BY_HAND.format(edges=first["edges"]))
    assert parse(scratch, by_hand)["edges"] == first["edges"]
    assert [name for name in first["modules"] if name.partition(".")[0] in HEAVY] == []
    repetitions = 2 if quick else 5
    pairs = [
        (parse(scratch, ours)["seconds"], parse(scratch, by_hand)["seconds"]) for _ in range(repetitions)
    ]
    tasks = len(first["edges"])
    report.add(
        CHAPTER,
        Comparison(
            what=f"flight-delays, {tasks} tasks, first time in a process",
            beside="a DAG of as many BashOperators",
            ours=[pair[0] for pair in pairs],
            other=[pair[1] for pair in pairs],
        ),
    )
    report.add(
        CHAPTER,
        Comparison(
            what="on top of the DAG by hand",
            beside="0.3 seconds",
            ours=[one - other for one, other in pairs],
            other=[0.3],
            at_most=1.0,
        ),
    )


def test_two_hundred_nodes(scratch: Path, quick: bool, report: Report) -> None:
    folder = scratch / "long"
    folder.mkdir()
    (folder / "long_pipeline.py").write_text(_LONG)
    answers = [python(scratch, _COMPILE, folder) for _ in range(1 if quick else 3)]
    assert {answer["tasks"] for answer in answers} == {202}
    report.add(
        CHAPTER,
        Comparison(
            what="200 nodes in a chain, compiled and made a DAG, beyond imports",
            beside="one second",
            ours=[answer["seconds"] for answer in answers],
            other=[1.0],
            at_most=1.0,
        ),
    )


def parse(scratch: Path, file: Path) -> dict[str, object]:
    return python(scratch, _PARSE, file, ROOT / "dags")


def python(scratch: Path, code: str, *arguments: Path) -> dict[str, object]:
    """The JSON on the last line of a fresh process, which has a home for Airflow."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environ = {"AIRFLOW_HOME": str(scratch / "home"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return answer
