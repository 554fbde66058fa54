"""Pipelines in Airflow 3.3: `to_dag` makes a DAG of a plan. Importing this does not import Airflow yet."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline_lib.airflow.dags import to_dag

__all__ = ["to_dag"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from pipeline_lib.airflow import dags

        return getattr(dags, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
