"""One Airflow for every test here: `make airflow` on SQLite; some of its users may read some DAGs only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.airflow.site import Site, open_site, plan_of
from integration.airflow.sqlite.reading_rules import USERS


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    environ = {
        "AIRFLOW__CORE__AUTH_MANAGER": "integration.airflow.sqlite.reading_rules.PerDagAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{u}:{r}" for u, r in USERS.items()),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    plans = [plan_of("toy", "chain"), plan_of("audited", "audited"), plan_of("reported", "reported")]
    plans += [plan_of("nightly", "gated"), plan_of("nightly", "daily")]
    with open_site(plans, environ=environ) as opened:
        yield opened
