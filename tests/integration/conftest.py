"""One Airflow for all tests that need no more than the default one; they are one xdist group, `airflow`."""

from collections.abc import Iterator

import pytest

from integration.airflow_site import Site, open_site, plan_of
from pipeline_lib.airflow.services import postgresql_url, private_postgresql

TOYS = ("chain", "diamond", "fan", "shaky", "wicked", "windowed")
NIGHTLY = ("arriving", "following", "gated", "hasty", "odd_following", "strict", "timed")
TOLD = "told.txt"


@pytest.fixture(scope="session")
def airflow_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """LocalExecutor, with the toys and the nightly pipelines; notifiers write into a file.

    On PostgreSQL: a backfill that is created while the scheduler looks ends it on SQLite (Airflow 3.3.2).
    """
    folder = tmp_path_factory.mktemp("airflow")
    plans = [plan_of("toy", name) for name in TOYS] + [plan_of("nightly", name) for name in NIGHTLY]
    notification = {
        "notifier": "nightly.notifiers.FileNotifier",
        "on": ["failure", "success", "approval"],
        "arguments": {"file": str(folder / TOLD), "text": "{{ dag.dag_id }} {{ run_id }}"},
    }
    with (
        private_postgresql(folder / "postgresql") as server,
        open_site(
            folder,
            plans,
            metadata=postgresql_url(server, "metadata"),
            database=postgresql_url(server, "airflow", driver="+psycopg"),
            runs_at_once=5,
            profile={"notifications": [notification]},
            environ={
                "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
                "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",  # every test on two processors
            },
        ) as site,
    ):
        yield site
