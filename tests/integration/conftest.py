"""One Airflow for all tests that need no more than the default one; they are one xdist group, `airflow`."""

from collections.abc import Iterator

import pytest

from integration.airflow_site import Site, open_site, plan_of

TOYS = ("chain", "diamond", "fan", "shaky", "wicked", "windowed")
NIGHTLY = ("arriving", "following", "gated", "hasty", "odd_following", "strict", "timed")
TOLD = "told.txt"


@pytest.fixture(scope="session")
def airflow_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """SQLite and LocalExecutor, with the toys and the nightly pipelines; notifiers write into a file."""
    folder = tmp_path_factory.mktemp("airflow")
    plans = [plan_of("toy", name) for name in TOYS] + [plan_of("nightly", name) for name in NIGHTLY]
    notification = {
        "notifier": "nightly.notifiers.FileNotifier",
        "on": ["failure", "success", "approval"],
        "arguments": {"file": str(folder / TOLD), "text": "{{ dag.dag_id }} {{ run_id }}"},
    }
    with open_site(
        folder,
        plans,
        runs_at_once=5,
        profile={"notifications": [notification]},
        environ={
            "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        },
    ) as site:
        yield site
