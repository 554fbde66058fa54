"""What a busy SQLite, or somebody, does to Airflow's own processes under `make airflow`."""

from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from integration.airflow.site import Site
from waiting import wait_until

pytestmark = pytest.mark.xdist_group("airflow")


def mapped(process: psutil.Process) -> set[str]:
    """Native libraries that a process has loaded."""
    return {Path(one.path).name for one in process.memory_maps()}


def test_what_tasks_need_is_imported_where_they_are_forked_from(site: Site) -> None:
    """And nowhere else: the plugin is light, but in the API server."""
    found = {
        name: any("metadata_store_extension" in library for library in mapped(site.airflow.part(name)))
        for name in ("scheduler", "dag-processor", "triggerer")
    }
    assert found == {"scheduler": True, "dag-processor": False, "triggerer": False}


def test_a_week_is_backfilled(site: Site) -> None:
    first = date(2026, 2, 1)
    body = {
        "dag_id": "daily",
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{first + timedelta(days=5)}T00:00:00Z",
        "max_active_runs": 5,
        "dag_run_conf": {},
    }
    site.client.post("backfills", body)

    def ended() -> list[str]:
        runs = site.client.get("dags/daily/dagRuns?run_type=backfill&limit=20")["dag_runs"]
        records = [site.store.run(f"daily.{run['dag_run_id']}") for run in runs if run["state"] == "success"]
        return sorted(record.span for record in records if record is not None)

    wait_until(lambda: ended() == [str(first + timedelta(days=day)) for day in range(5)])


def test_a_scheduler_that_is_killed_is_started_again(site: Site) -> None:
    killed = site.airflow.part("scheduler")
    killed.kill()
    wait_until(lambda: site.airflow.find("scheduler") not in (None, killed))
    _, state = site.client.run("chain", {"source": site.number("9")})
    assert state == "success"
