"""The flight-delay pipeline as an Airflow DAG."""

from pathlib import Path

from flight_delays.pipeline import flight_delays
from pipeline_lib.airflow import to_dag

dag = to_dag(flight_delays, profile="airflow", project=Path(__file__).parents[2])
