"""Every setting of a local Airflow, as environment variables, so that no airflow.cfg matters."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline_lib.errors import AirflowNotStartedError

_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
_SQLITE_PATIENCE_SECONDS = 30  # for a lock; after five Airflow would answer that it failed
# What an Airflow on one machine needs to be quick; the caller's variables count before these.
_DEFAULTS = {
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
    "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
    "API__WORKERS": "1",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",  # the cost of a task: 0.4 s instead of 0.9 s
    "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "WORKERS__SOCKET_CLEANUP_TIMEOUT": "5",
    # A task whose supervisor was killed is tried again after that long.
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
}


def surroundings() -> dict[str, str]:
    """The caller's variables, without the one that makes every task compile what it imports."""
    return {name: text for name, text in os.environ.items() if name != _NO_BYTECODE}


def defaults(*, parallelism: int, workers: int) -> dict[str, str]:
    """What a variable of the caller's shell may say otherwise.

    Args:
        parallelism: Tasks at once; with Celery, of each worker.
        workers: Celery workers; none: LocalExecutor.
    """
    executor = {"CORE__EXECUTOR": "LocalExecutor", "CORE__PARALLELISM": str(parallelism)}
    if workers:
        executor = {
            "CORE__EXECUTOR": "CeleryExecutor",
            "CORE__PARALLELISM": str(parallelism * workers),
            "CELERY__WORKER_CONCURRENCY": str(parallelism),
            "CELERY__EXTRA_CELERY_CONFIG": json.dumps({"imports": ["pipeline_lib.airflow.task_imports"]}),
        }
    return _variables({**_DEFAULTS, **executor})


def identity(
    home: Path, dags: Path, port: int, *, database: str | None = None, broker: str | None = None
) -> dict[str, str]:
    """What tells this Airflow from another one on this machine; nothing in the caller's shell changes it.

    Args:
        home: Resolved.
        dags: Folder of DAG files, resolved.
        port: Of the API server; the two after it serve logs.
        database: SQLAlchemy's address; SQLite in `home` by default.
        broker: Celery's address of a Redis.

    Raises:
        AirflowNotStartedError: A broker, but no database that several processes may write to.
    """
    if broker is not None and database is None:
        raise AirflowNotStartedError(
            "Celery workers need a database that several processes may write to",
            fix="give a PostgreSQL database, too",
        )
    kept, url = secrets_of(home), f"http://127.0.0.1:{port}"
    file = f"{home}/airflow.db?timeout={_SQLITE_PATIENCE_SECONDS}"
    found = {
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords(home)),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": database or f"sqlite:///{file}",
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": database or f"sqlite+aiosqlite:///{file}",
        "API__BASE_URL": url,
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__SECRET_KEY": kept["secret_key"],
        "API_AUTH__JWT_SECRET": kept["jwt_secret"],
        "LOGGING__WORKER_LOG_SERVER_PORT": str(port + 1),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(port + 2),
    }
    celery = {"CELERY__BROKER_URL": broker, "CELERY__RESULT_BACKEND": f"db+{database}"} if broker else {}
    return {"AIRFLOW_HOME": str(home), "NO_PROXY": "127.0.0.1", **_variables(found | celery)}


def secrets_of(home: Path) -> dict[str, str]:
    """Password of the administrator and Airflow's keys, made once per home."""
    file = home / "secrets.json"
    if not file.exists():
        write_private(
            file,
            {
                "password": secrets.token_urlsafe(9),
                "secret_key": secrets.token_hex(32),
                "jwt_secret": secrets.token_hex(64),
            },
        )
    kept: dict[str, str] = json.loads(file.read_text())
    return kept


def _passwords(home: Path) -> Path:
    """The file of Airflow's simple auth manager, which adds those of further users."""
    file = home / "passwords.json"
    others = json.loads(file.read_text()) if file.exists() else {}
    write_private(file, {**others, "admin": secrets_of(home)["password"]})
    return file


def _variables(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"AIRFLOW__{name}": value for name, value in settings.items()}


def write_private(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that only this user may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=True)
    file.write_text(json.dumps(dict(content)))
