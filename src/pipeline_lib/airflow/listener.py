"""Imports done once, in the processes of Airflow that others are forked from.

Each task is a process forked from a LocalExecutor's worker, which is forked from the scheduler; each DAG file
is read in a process forked from the DAG processor. What the parent has imported, they have.
"""

import importlib
import sys
from typing import Any

from airflow.listeners import hookimpl

_DAG_PROCESSOR = "airflow.cli.commands.dag_processor_command"
_SCHEDULER = "airflow.cli.commands.scheduler_command"


@hookimpl
def on_starting(component: Any) -> None:
    """Called by each of Airflow's processes when it starts, and by each task."""
    if type(component).__name__ != "Job":
        return
    if _DAG_PROCESSOR in sys.modules:
        importlib.import_module("pipeline_lib.airflow.dags")
    if _SCHEDULER in sys.modules and _runs_tasks():
        importlib.import_module("pipeline_lib.airflow.task_imports")


def _runs_tasks() -> bool:
    from airflow.configuration import conf

    return "LocalExecutor" in conf.get("core", "executor")
