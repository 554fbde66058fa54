"""The DAG of a plan: tasks, options, what Airflow stores of it."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, TriggerRule
from airflow.serialization.serialized_objects import DagSerialization

from pipeline_lib.airflow import to_dag
from pipeline_lib.plan.expressions import Constant, FromOutput
from pipeline_lib.plan.models import CodeRef, InputPort, Loop, Node, Options, OutputPort, Plan

CODE = CodeRef(module="m", qualname="f")
OPTIONS = Options(
    retries=2,
    retry_delay_seconds=5,
    timeout_seconds=60,
    cpus=2,
    memory_mb=1024,
    pool="gpu",
    queue="big",
    priority=7,
    executor_config={"a": 1},
    owner="ana",
)


def plan(**more: Any) -> Plan:
    made = Node(id="make", code=CODE, outputs={"out": OutputPort(artifact_type="A")}, options=OPTIONS)
    source = InputPort(source=FromOutput(node="make", port="out"), artifact_type="A")
    used = Node(id="use", code=CODE, inputs={"x": source}, description="Uses it.")
    last = Node(id="tell", code=CODE, exit_handler=True)
    looped = Node(id="each", code=CODE, loops=("n",))
    nodes = (made, used, looped, last)
    loops = (Loop(id="n", over=Constant(value=[1, 2])),)
    return Plan(**{"name": "p", "code": CODE, "nodes": nodes, "loops": loops, "description": "All.", **more})


@pytest.fixture
def dag() -> DAG:
    return to_dag(plan(), profile="test")


def test_options_of_a_node_are_those_of_its_task(dag: DAG) -> None:
    task = dag.get_task("make")
    assert (task.retries, task.retry_delay, task.pool, task.queue, task.priority_weight) == (
        2,
        timedelta(seconds=5),
        "gpu",
        "big",
        7,
    )
    assert (task.executor_config, task.owner) == ({"a": 1}, "ana")
    assert (task.resources.cpus.qty, task.resources.ram.qty) == (2, 1024)
    assert task.execution_timeout > timedelta(seconds=60)


def test_trigger_rules_let_joins_and_exit_handlers_run(dag: DAG) -> None:
    rules = {task.task_id: task.trigger_rule for task in dag.tasks}
    assert rules == {
        "start_run": TriggerRule.ALL_SUCCESS,
        "make": TriggerRule.NONE_FAILED,
        "use": TriggerRule.NONE_FAILED,
        "each.n": TriggerRule.NONE_FAILED,
        "each": TriggerRule.NONE_FAILED,
        "tell": TriggerRule.ALL_DONE,
        "finish_run": TriggerRule.ALL_DONE,
    }


def test_descriptions_are_shown(dag: DAG) -> None:
    assert dag.description == "All."
    assert dag.get_task("use").doc_md == "Uses it.\n\n`m:f`"
    assert dag.get_task("use").operator_name == "f"


def test_every_output_is_an_asset(dag: DAG) -> None:
    (asset,) = dag.get_task("make").outlets
    assert (asset.name, asset.uri, asset.group) == ("p.make.out", "pipeline://p/make/out", "A")


def test_equal_plans_give_equal_dags(dag: DAG) -> None:
    first, second = (json.dumps(DagSerialization.to_dict(made)) for made in (dag, to_dag(plan())))
    assert first == second, "or every parse would be a new version of the DAG"


def test_the_dag_file_is_the_callers(dag: DAG) -> None:
    assert dag.fileloc == __file__


def test_catchup_needs_to_know_since_when() -> None:
    with pytest.raises(ValueError, match="needs a start_date"):
        to_dag(plan(), catchup=True)


ROOT = Path(__file__).parents[3]
HEAVY = "tensorflow apache_beam pyarrow ml_metadata numpy pandas keras"


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*/dag.py")), ids=lambda file: file.parent.name)
def test_dag_files_are_light(file: Path) -> None:
    program = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT / 'dags')!r})\n"
        f"assert runpy.run_path({str(file)!r})['dag'].fileloc == {str(file)!r}\n"
        f"print(*set({HEAVY!r}.split()) & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.stdout.strip(), ran.returncode) == ("", 0), ran.stderr


def test_the_library_does_not_import_airflow() -> None:
    """Executor children import the runtime: 1,400 modules more for each would be felt."""
    names = "pipeline_lib pipeline_lib.airflow.files pipeline_lib.cli pipeline_lib.runtime.child"
    program = f"import importlib, sys; [importlib.import_module(n) for n in {names!r}.split()]\n"
    program += "sys.exit('airflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
