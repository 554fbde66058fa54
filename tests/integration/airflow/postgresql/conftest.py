"""One Airflow on PostgreSQL for every test here: `make airflow PROFILE=celery`, whose DAGs run on
LocalExecutor, and one of them on Celery. Without Debian's redis-server it is `PROFILE=postgresql`.
"""

import shutil
from collections.abc import Iterator

import pytest

from integration.airflow.postgresql.plans import BY_CELERY, EXECUTORS, SINCE_MIDNIGHT, plans
from integration.airflow.site import Site, open_site


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """Notifiers write into a file."""
    kind = "celery" if shutil.which("redis-server") else "postgresql"
    environ = {
        "AIRFLOW__CORE__EXECUTOR": EXECUTORS if kind == "celery" else "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "5",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "1",
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
        # A task whose supervisor is gone is tried again after seconds, not minutes.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    }
    notification = {
        "notifier": "nightly.notifiers.FileNotifier",
        "on": ["failure", "success", "approval"],
        "arguments": {"file": "told.txt", "text": "{{ dag.dag_id }} {{ run_id }}"},
    }
    with open_site(
        plans(celery=kind == "celery"),
        kind=kind,
        environ=environ,
        profile={"notifications": [notification]},
        dag_arguments={
            BY_CELERY: "max_active_runs=2, default_args={'executor': 'CeleryExecutor'}",
            "daily": f"catchup=True, start_date={SINCE_MIDNIGHT}",
        },
    ) as opened:
        yield opened
