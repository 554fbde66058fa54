"""Settings and secrets of a local Airflow; its processes run in tests/integration/test_airflow.py."""

import stat
from pathlib import Path

import pytest

from pipeline_lib.airflow.standalone import LocalAirflow


@pytest.fixture
def airflow(tmp_path: Path) -> LocalAirflow:
    return LocalAirflow(
        home=tmp_path / "home", dags=tmp_path, port=9000, environ={"AIRFLOW__API__WORKERS": "2"}
    )


def test_everything_is_set_by_variable(airflow: LocalAirflow) -> None:
    found = airflow.environment()
    assert found["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:9000"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:9000/execution/"
    assert found["AIRFLOW__API__WORKERS"] == "2", "what the caller says wins"


def test_secrets_are_made_once_and_are_private(airflow: LocalAirflow) -> None:
    assert airflow.environment() == airflow.environment()
    for name in ("secrets.json", "passwords.json"):
        assert stat.S_IMODE((airflow.home / name).stat().st_mode) == 0o600
