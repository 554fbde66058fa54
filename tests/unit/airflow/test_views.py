"""Where our pages are in Airflow's UI."""

import subprocess
import sys

from pipeline_lib.airflow.views import PREFIX, external_views, inside_airflow


def test_every_view_has_a_route_of_its_own_below_our_prefix() -> None:
    views = external_views()
    assert len({view["url_route"] for view in views}) == len(views) == 4
    assert all(view["href"].startswith(f"{PREFIX}/") for view in views)
    (task,) = [view for view in views if view["destination"] == "task_instance"]
    for name in ("DAG_ID", "RUN_ID", "TASK_ID", "MAP_INDEX"):
        assert f"{{{name}}}" in task["href"]


def test_a_page_is_addressed_inside_of_the_ui() -> None:
    assert inside_airflow("/models/61") == "/plugin/pipelines/lineage/models/61"


def test_reading_it_imports_nothing() -> None:
    program = "import sys, pipeline_lib.airflow.views; sys.exit('airflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
