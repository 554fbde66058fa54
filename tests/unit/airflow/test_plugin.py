"""The plugin is light wherever it is not served."""

import json
import subprocess
import sys

import pytest

HEAVY = {"fastapi", "ml_metadata", "tensorflow", "pyarrow", "pandas", "numpy", "apache_beam"}
HEAVY |= {"pipeline_lib.airflow.pages", "pipeline_lib.lineage", "pipeline_lib.metadata.mlmd", "uvicorn"}

# What a scheduler, a DAG processor and a triggerer ask of Airflow's plugins; what a task asks.
SERVICES = """
from airflow import plugins_manager as found
found.ensure_plugins_loaded(); found.integrate_macros_plugins(); found.get_timetables_plugins()
found.get_priority_weight_strategy_plugins(); found.get_operator_extra_links()
names = [plugin.name for plugin in found._get_plugins()[0]]
"""
TASK = """
from airflow.sdk import plugins_manager as found
found.integrate_macros_plugins()
import pipeline_lib.airflow.plugin as plugin
names = [plugin.PipelinesPlugin.name]
"""


@pytest.mark.parametrize("program", [SERVICES, TASK], ids=["services", "task"])
def test_only_the_api_server_pays_for_pages(program: str) -> None:
    told = f"import sys, json\n{program}\nprint(json.dumps([names, sorted({HEAVY!r} & set(sys.modules))]))"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    names, heavy = json.loads(ran.stdout.splitlines()[-1])
    assert names.count("pipelines") == 1
    assert heavy == []
