"""Stand-alone DAG files."""

import subprocess
import sys
from pathlib import Path

from pipeline_lib.airflow.files import write_dag
from pipeline_lib.plan.models import CodeRef, Node, Plan

CODE = CodeRef(module="nowhere", qualname="f")
PLAN = Plan(name="p", code=CODE, nodes=(Node(id="a", code=CODE),))
LOOK = """
import runpy, sys
dag = runpy.run_path(sys.argv[1])["dag"]
print(dag.dag_id, dag.fileloc == sys.argv[1], *sorted(task.task_id for task in dag.tasks))
print(*{"tensorflow", "apache_beam", "pyarrow", "ml_metadata", "numpy", "nowhere"} & set(sys.modules))
"""


def test_the_file_makes_the_dag_without_the_pipelines_code_and_lightly(tmp_path: Path) -> None:
    dag_file, plan_file = write_dag(PLAN, tmp_path / "dags", profile="x")
    assert plan_file.read_text().strip() == PLAN.to_text()
    ran = subprocess.run(
        [sys.executable, "-c", LOOK, str(dag_file)], capture_output=True, text=True, check=False
    )
    assert ran.stdout.splitlines() == ["p True a finish_run start_run", ""], ran.stderr


def test_equal_plans_give_equal_files(tmp_path: Path) -> None:
    first = [file.read_bytes() for file in write_dag(PLAN, tmp_path)]
    assert [file.read_bytes() for file in write_dag(PLAN, tmp_path)] == first
