"""Who imports what when Airflow starts; in real processes in tests/integration/airflow/sqlite."""

import os
import subprocess
import sys

import pytest

# What `airflow scheduler` and `airflow dag-processor` do first.
STARTED = """
import sys
from airflow.cli.commands import {command}
from airflow.jobs.job import Job
Job()
print(*(name in sys.modules for name in ("pipeline_lib.airflow.dags", "ml_metadata")))
"""


@pytest.mark.parametrize(
    ("command", "executor", "found"),
    [
        pytest.param("scheduler_command", "CeleryExecutor", "False False", id="scheduler-without-tasks"),
        pytest.param("scheduler_command", "LocalExecutor", "True True", id="scheduler-with-tasks"),
        pytest.param("dag_processor_command", "LocalExecutor", "True False", id="dag-processor"),
        pytest.param("triggerer_command", "LocalExecutor", "False False", id="triggerer"),
    ],
)
def test_it_is_imported_where_others_are_forked_from(command: str, executor: str, found: str) -> None:
    environ = {**os.environ, "AIRFLOW__CORE__EXECUTOR": executor}
    program = [sys.executable, "-c", STARTED.format(command=command)]
    ran = subprocess.run(program, env=environ, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == found
