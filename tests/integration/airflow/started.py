"""`make airflow` in a folder of its own: the process that the Makefile starts, and those that it starts."""

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_TOLD = re.compile(r"Airflow is at (?P<url>\S+): user admin, password (?P<password>\S+)")
_STOP_SECONDS = 40


@dataclass(frozen=True, kw_only=True)
class StartedAirflow:
    """What its first lines told, and what can be seen of it from outside."""

    process: subprocess.Popen[str]
    url: str
    password: str
    home: Path

    def part(self, name: str) -> psutil.Process:
        """One of its processes: api-server, scheduler, dag-processor, triggerer, worker-1, worker-2."""
        found = self.find(name)
        assert found is not None, f"{name} does not run"
        return found

    def find(self, name: str) -> psutil.Process | None:
        """That process, told by the log that it writes; None if there is none now."""
        log = self.log(name).resolve()
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(FileNotFoundError, PermissionError):  # it has ended, or is about to
                if Path(f"/proc/{child.pid}/fd/1").readlink() == log:
                    return child
        return None

    def pid(self, name: str) -> int:
        return self.part(name).pid

    def log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"


@contextmanager
def make_airflow(project: Path, profile: str, environ: Mapping[str, str]) -> Iterator[StartedAirflow]:
    """Start it in a project with `dags/` and `configs/airflow.yaml`; Ctrl-C ends it."""
    command = [sys.executable, "-m", "pipeline_lib.airflow.standalone"]
    environ = {**os.environ, **environ, "PORT": str(free_port()), "PROFILE": profile}
    process = subprocess.Popen(command, cwd=project, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = next(filter(None, map(_TOLD.match, iter(process.stdout.readline, ""))), None)
        assert told, f"Airflow does not start: it ended with {process.wait(_STOP_SECONDS)}"
        home = project / ".pipeline" / ("airflow" if profile == "sqlite" else f"airflow-{profile}")
        yield StartedAirflow(process=process, home=home, **told.groupdict())
    finally:
        process.send_signal(2)  # what Ctrl-C sends
        code = process.wait(_STOP_SECONDS)
        assert code == 0, f"Airflow ended with {code}"


def free_port() -> int:
    """The first of three in a row."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                for following in (port + 1, port + 2):
                    with socket.socket() as probe:
                        probe.bind(("127.0.0.1", following))
            except OSError:
                continue
            return port
