"""A whole Airflow on this machine: scheduler, API server, DAG processor, triggerer, perhaps Celery workers.

`airflow standalone` does less: its children outlive a kill, its tasks start a second late, and its workers
are 32. Used by `make airflow` and by the tests.
"""

import contextlib
import json
import os
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

import psutil

from pipeline_lib.airflow.local_settings import defaults, identity, secrets_of, surroundings
from pipeline_lib.errors import AirflowNotStartedError

PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
_START_SECONDS = 120.0
_STOP_SECONDS = 15.0
# A process that ends by itself more often than that is not started again.
_RESTARTS, _WITHIN_SECONDS = 3, 120.0


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
    _restarts: list[tuple[float, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the UI and the API are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The administrator's, made once per home."""
        return secrets_of(self.home)["password"]

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
            for name in self._commands():
                self._start(name)
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
        """The processes' variables.

        One of the caller's shell, `AIRFLOW__...`, counts before what is set here, but for those that say
        which Airflow this is: its database, its folders, its addresses, its keys.
        """
        home, dags = self.home.resolve(), self.dags.resolve()
        workers = self.workers if self.broker else 0
        return {
            **defaults(parallelism=self.parallelism, workers=workers),
            **surroundings(),
            **identity(home, dags, self.port, database=self.database, broker=self.broker),
            **self.environ,
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

    def restart(self, name: str) -> bool:
        """Start a process again that has ended, without what it left behind; False if it ends too often."""
        now = time.monotonic()
        self._restarts = [(at, which) for at, which in self._restarts if at > now - _WITHIN_SECONDS]
        if [which for _, which in self._restarts].count(name) >= _RESTARTS:
            return False
        self._restarts.append((now, name))
        _end_group(self._running[name])
        self._start(name)
        return True

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.home / "logs" / f"{name}.log"

    def _commands(self) -> dict[str, list[str]]:
        commands = {name: _airflow(name) for name in PROCESSES}
        for number in range(self.workers if self.broker else 0):
            name = f"worker-{number + 1}"
            pid_file = str(self.home.resolve() / f"{name}.pid")
            # The API server reads the logs' files itself: they are on this machine.
            options = ("--celery-hostname", f"{name}@%h", "--pid", pid_file, "--skip-serve-logs")
            commands[name] = _airflow("celery", "worker", *options)
        return commands

    def _start(self, name: str) -> None:
        self.log(name).parent.mkdir(parents=True, exist_ok=True)
        (self.home / f"{name}.pid").unlink(missing_ok=True)
        output: IO[bytes]
        with self.log(name).open("ab") as output:
            self._running[name] = subprocess.Popen(
                self._commands()[name],
                env=self.environment(),
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


def _airflow(*command: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *command]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what a process left behind, and wait until none of it runs."""
    left = [one for one in psutil.process_iter() if _group_of(one.pid) == process.pid]
    _signal_group(process, signal.SIGKILL)
    deadline = time.monotonic() + _STOP_SECONDS
    while any(_runs(one) for one in left) and time.monotonic() < deadline:
        time.sleep(0.01)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
