"""Where our pages are in Airflow's UI. Imports nothing: every process of Airflow reads it."""

from typing import Any

PREFIX = "/lineage"
"""Under which the application is mounted."""

_ROUTE = "pipelines"
_ICON = f"{PREFIX}/static/icon.svg"
_TASK = "dag={DAG_ID}&run={RUN_ID}&task={TASK_ID}&map_index={MAP_INDEX}"


def inside_airflow(page: str) -> str:
    """The address that shows a page of ours inside of Airflow's UI.

    Args:
        page: Below the application's root, with its leading slash.
    """
    return f"/plugin/{_ROUTE}{PREFIX}{page}"


def external_views() -> list[dict[str, Any]]:
    """In the navigation, and a tab each of a DAG, a DAG run and a task of it."""
    return [
        {
            "name": "Pipelines",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "url_route": _ROUTE,
            "nav_top_level": True,
            "icon": _ICON,
        },
        {
            "name": "Recorded runs",
            "href": f"{PREFIX}/airflow/dag?dag={{DAG_ID}}",
            "destination": "dag",
            "url_route": "pipeline",
            "icon": _ICON,
        },
        {
            "name": "Lineage",
            "href": f"{PREFIX}/airflow/run?dag={{DAG_ID}}&run={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "pipeline-run",
            "icon": _ICON,
        },
        {
            "name": "Execution",
            "href": f"{PREFIX}/airflow/task?{_TASK}",
            "destination": "task_instance",
            "url_route": "pipeline-task",
            "icon": _ICON,
        },
    ]
