"""Settings and secrets of a local Airflow; its processes run in tests/integration/test_airflow.py."""

import stat
from pathlib import Path

import pytest

from pipeline_lib.airflow.standalone import LocalAirflow, main
from pipeline_lib.errors import AirflowNotStartedError


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


def test_celery_needs_a_database_of_several(tmp_path: Path) -> None:
    broker = "redis+socket:///run/redis?virtual_host=0"
    with pytest.raises(AirflowNotStartedError, match="several processes"):
        LocalAirflow(home=tmp_path, dags=tmp_path, broker=broker).environment()
    database = "postgresql+psycopg://postgres@/airflow?host=/run/pg"
    found = LocalAirflow(home=tmp_path, dags=tmp_path, broker=broker, database=database).environment()
    assert found["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert found["AIRFLOW__CELERY__RESULT_BACKEND"] == f"db+{database}"
    assert found["AIRFLOW__CORE__PARALLELISM"] == "8", "four on each of two workers"


def test_an_unknown_profile_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROFILE", "mysql")
    with pytest.raises(SystemExit, match="sqlite, postgresql, celery"):
        main(tmp_path / "home", tmp_path)
