"""A whole Airflow on this machine: scheduler, API server, DAG processor, triggerer, perhaps Celery workers.

`airflow standalone` does less: its children outlive a kill, its tasks start a second late, and its workers
are 32. Used by `make airflow` and by the tests.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pipeline_lib.airflow.services import postgresql_url, private_postgresql, private_redis
from pipeline_lib.errors import AirflowNotStartedError

PROFILES = ("sqlite", "postgresql", "celery")
PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
_START_SECONDS = 120.0
_STOP_SECONDS = 15.0


@dataclass(slots=True, kw_only=True)
class LocalAirflow:
    """A context manager: the processes run while it is open, each in a session of its own.

    Attributes:
        home: Airflow's home: database, logs, the administrator's password. Made if it is not there.
        dags: Folder of DAG files.
        port: Of the API server, on this machine's loopback; the two after the next serve logs.
        directory: Where the processes run; relative paths of DAGs start there.
        parallelism: Tasks at once; with Celery, of each worker.
        database: SQLAlchemy's address of a PostgreSQL database; by default SQLite in `home`.
        broker: Celery's address of a Redis: tasks then run on Celery workers. Needs `database`.
        workers: How many of these.
        environ: Further variables, over ours.
    """

    home: Path
    dags: Path
    port: int = 8080
    directory: Path = field(default_factory=Path.cwd)
    parallelism: int = 4
    database: str | None = None
    broker: str | None = None
    workers: int = 2
    environ: Mapping[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the UI and the API are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The administrator's, made once per home."""
        return str(self._secrets()["password"])

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        environ = self.environment()
        migrated = subprocess.run(
            _airflow("db", "migrate"),
            env=environ,
            cwd=self.directory,
            capture_output=True,
            check=False,
        )
        if migrated.returncode != 0:
            raise AirflowNotStartedError(
                "Airflow's database cannot be made",
                at=str(self.home),
                output=migrated.stderr.decode(errors="replace")[-2000:],
                fix="mend what the output says, or delete the directory to start anew",
            )
        try:
            for name, command in self._commands().items():
                self._running[name] = self._start(name, command, environ)
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """Every setting by variable, so that no airflow.cfg matters."""
        kept = self._secrets()
        passwords = self.home / "passwords.json"
        _write_private(passwords, {"admin": kept["password"]})
        settings = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(self.dags.resolve()),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": str(self.parallelism),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords.resolve()),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
            "API__BASE_URL": self.url,
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__WORKERS": "1",
            "API__SECRET_KEY": kept["secret_key"],
            "API_AUTH__JWT_SECRET": kept["jwt_secret"],
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",  # the cost of a task: 0.4 s instead of 0.9 s
            "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "LOGGING__WORKER_LOG_SERVER_PORT": str(self.port + 1),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.port + 2),
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
            "WORKERS__SOCKET_CLEANUP_TIMEOUT": "5",
            # A task whose supervisor was killed is tried again after that long.
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        settings |= self._database_settings() | self._celery_settings()
        # Every task is a new process: without compiled bytecode each would compile what it imports.
        surroundings = {name: text for name, text in os.environ.items() if name != _NO_BYTECODE}
        return {
            **surroundings,
            "AIRFLOW_HOME": str(self.home.resolve()),
            "NO_PROXY": "127.0.0.1",
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
            **self.environ,
        }

    def _database_settings(self) -> dict[str, str]:
        if self.database is None:
            return {}
        return dict.fromkeys(
            ("DATABASE__SQL_ALCHEMY_CONN", "DATABASE__SQL_ALCHEMY_CONN_ASYNC"), self.database
        )

    def _celery_settings(self) -> dict[str, str]:
        if self.broker is None:
            return {}
        if self.database is None:
            raise AirflowNotStartedError(
                "Celery workers need a database that several processes may write to",
                fix="give a PostgreSQL database, too",
            )
        return {
            "CORE__EXECUTOR": "CeleryExecutor",
            "CORE__PARALLELISM": str(self.parallelism * self.workers),
            "CELERY__BROKER_URL": self.broker,
            "CELERY__RESULT_BACKEND": f"db+{self.database}",
            "CELERY__WORKER_CONCURRENCY": str(self.parallelism),
        }

    def stop(self) -> None:
        """Stop all processes and what they started; running tasks get SIGTERM first."""
        for process in self._running.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def ended(self) -> str | None:
        """The first process that ended by itself, if one did."""
        return next((name for name, process in self._running.items() if process.poll() is not None), None)

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.home / "logs" / f"{name}.log"

    def _commands(self) -> dict[str, list[str]]:
        commands = {name: _airflow(name) for name in PROCESSES}
        for number in range(self.workers if self.broker else 0):
            name = f"worker-{number + 1}"
            pid_file = str(self.home.resolve() / f"{name}.pid")
            (self.home / f"{name}.pid").unlink(missing_ok=True)
            # The API server reads the logs' files itself: they are on this machine.
            options = ("--celery-hostname", f"{name}@%h", "--pid", pid_file, "--skip-serve-logs")
            commands[name] = _airflow("celery", "worker", *options)
        return commands

    def pid(self, name: str) -> int:
        """Process id of one of the processes, which leads a session."""
        return self._running[name].pid

    def _start(self, name: str, command: list[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        self.log(name).parent.mkdir(parents=True, exist_ok=True)
        output: IO[bytes]
        with self.log(name).open("ab") as output:
            return subprocess.Popen(
                command,
                env=dict(environ),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        health: dict[str, Any] = {}
        while time.monotonic() < deadline:
            if name := self.ended():
                raise AirflowNotStartedError(
                    f"airflow {name} ended at once",
                    at=str(self.log(name)),
                    output=self.log(name).read_text(errors="replace")[-2000:],
                    fix=f"mend what the log says; is port {self.port} taken?",
                )
            health = self._health()
            if health and all(part.get("status") == "healthy" for part in health.values()):
                return
            time.sleep(0.3)
        raise AirflowNotStartedError(
            f"Airflow is not healthy after {_START_SECONDS:g} s",
            got=json.dumps(health),
            at=str(self.home / "logs"),
            fix="see the logs there",
        )

    def _health(self) -> dict[str, Any]:
        try:
            # S310: the address is our own.
            with urllib.request.urlopen(f"{self.url}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
        except (urllib.error.URLError, OSError):
            return {}
        return found

    def _secrets(self) -> dict[str, str]:
        file = self.home / "secrets.json"
        if not file.exists():
            _write_private(
                file,
                {
                    "password": secrets.token_urlsafe(9),
                    "secret_key": secrets.token_hex(32),
                    "jwt_secret": secrets.token_hex(64),
                },
            )
        kept: dict[str, str] = json.loads(file.read_text())
        return kept


def main(home: Path = Path(".pipeline/airflow"), dags: Path = Path("dags")) -> None:
    """Run until Ctrl-C, with the DAGs of this project."""
    port, profile = int(os.environ.get("PORT", "8080")), os.environ.get("PROFILE") or "sqlite"
    print("starting Airflow", flush=True)
    try:
        with contextlib.ExitStack() as stack:
            services = _services(profile, home.parent, stack)
            at = home if profile == "sqlite" else home.with_name(f"{home.name}-{profile}")
            # The profile of `dags/*/dag.py`, so that the pages in the UI show the store that the tasks write.
            services["environ"] = {"AIRFLOW__PIPELINE_LIB__PROFILE": "airflow", **services.get("environ", {})}
            airflow = stack.enter_context(LocalAirflow(home=at, dags=dags, port=port, **services))
            print(f"Airflow is at {airflow.url}: user admin, password {airflow.password}")
            print(f"logs are in {at / 'logs'}; Ctrl-C stops it", flush=True)
            while (ended := airflow.ended()) is None:
                time.sleep(1)
            sys.exit(f"airflow {ended} ended; see {airflow.log(ended)}")
    except AirflowNotStartedError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nAirflow is stopped")


def _services(profile: str, folder: Path, stack: contextlib.ExitStack) -> dict[str, Any]:
    """What a profile has besides Airflow, started; the arguments of `LocalAirflow` that say so."""
    if profile not in PROFILES:
        raise AirflowNotStartedError(
            f"there is no profile {profile} of a local Airflow",
            known=", ".join(PROFILES),
            fix="use one of these",
        )
    if profile == "sqlite":
        return {}
    at = stack.enter_context(private_postgresql(folder / "postgresql"))
    services: dict[str, Any] = {
        "database": postgresql_url(at, "airflow", driver="+psycopg"),
        "environ": {"PIPELINE_METADATA__URL": postgresql_url(at, "metadata")},
    }
    if profile == "celery":
        services["broker"] = stack.enter_context(private_redis())
    return services


def _airflow(*command: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *command]


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _write_private(file: Path, content: Mapping[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=True)
    file.write_text(json.dumps(dict(content)))


if __name__ == "__main__":
    for stopping in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs start with the first ignored
        signal.signal(stopping, signal.default_int_handler)
    main()
