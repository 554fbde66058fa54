"""The taxi pipeline as an Airflow DAG: started by hand, and somebody approves before a model is pushed."""

from datetime import timedelta
from pathlib import Path

from pipeline_lib import Approval
from pipeline_lib.airflow import to_dag
from taxi.pipeline import taxi

dag = to_dag(
    taxi,
    profile="airflow",
    project=Path(__file__).parents[2],
    approvals={
        "push": Approval(timeout=timedelta(days=2), message="Is this model good enough for the public?")
    },
)
