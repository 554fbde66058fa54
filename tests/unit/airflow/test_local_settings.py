"""Settings and secrets of a local Airflow."""

import json
import stat
from pathlib import Path

import pytest

from pipeline_lib.airflow.local_settings import defaults, identity, secrets_of, surroundings
from pipeline_lib.errors import AirflowNotStartedError

DATABASE = "postgresql+psycopg://postgres@/airflow?host=/run/pg"
BROKER = "redis+socket:///run/redis?virtual_host=0"


def test_addresses_follow_the_port(tmp_path: Path) -> None:
    found = identity(tmp_path, tmp_path / "dags", 9000)
    assert found["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:9000"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:9000/execution/"
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{tmp_path}/airflow.db?timeout=30"
    assert (
        identity(tmp_path, tmp_path, 9000, database=DATABASE)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        == DATABASE
    )


def test_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    assert identity(tmp_path, tmp_path, 1) == identity(tmp_path, tmp_path, 1)
    for name in ("secrets.json", "passwords.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_passwords_that_airflow_made_stay(tmp_path: Path) -> None:
    (tmp_path / "passwords.json").write_text('{"vera": "hers", "admin": "old"}')
    identity(tmp_path, tmp_path, 1)
    kept = json.loads((tmp_path / "passwords.json").read_text())
    assert kept == {"vera": "hers", "admin": secrets_of(tmp_path)["password"]}


def test_celery_needs_a_database_of_several(tmp_path: Path) -> None:
    with pytest.raises(AirflowNotStartedError, match="several processes"):
        identity(tmp_path, tmp_path, 1, broker=BROKER)
    found = identity(tmp_path, tmp_path, 1, database=DATABASE, broker=BROKER)
    assert found["AIRFLOW__CELERY__RESULT_BACKEND"] == f"db+{DATABASE}"


@pytest.mark.parametrize(
    ("workers", "executor", "at_once"), [(0, "LocalExecutor", "4"), (2, "CeleryExecutor", "8")]
)
def test_workers_decide_the_executor(workers: int, executor: str, at_once: str) -> None:
    found = defaults(parallelism=4, workers=workers)
    assert (found["AIRFLOW__CORE__EXECUTOR"], found["AIRFLOW__CORE__PARALLELISM"]) == (executor, at_once)


def test_tasks_find_compiled_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in surroundings()
