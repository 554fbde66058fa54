"""The plugin that brings our pages into Airflow's UI.

Scheduler, DAG processor, triggerer and every task import this, so what is heavy waits until the API server
asks for the application.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from pipeline_lib.airflow import listener
from pipeline_lib.airflow.views import PREFIX, external_views


class PipelinesPlugin(AirflowPlugin):
    """See `docs/how-to/look-at-runs.md`."""

    name = "pipelines"
    external_views = external_views()
    listeners = [listener]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # a list in the base class
        """The application, made when the API server mounts it."""
        from pipeline_lib.airflow.pages import airflow_application

        return [{"app": airflow_application(), "url_prefix": PREFIX, "name": "Pipelines"}]
