"""A local model server in the background: started once, found again, ended by itself when nobody asks.

`python -m pipeline_lib.serving.processes.background NOTE IDLE_SECONDS REST_PORT COMMAND...` watches over one:
it starts the command, and ends it when the count of its requests has not moved for so long.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from pipeline_lib.errors import ServerSettingsError, ServerUnreachableError
from pipeline_lib.settings import ReplicaSettings, ServingSettings

_NOTE = ".server.json"
_LOG = ".server.log"
_COUNT = re.compile(r"^:tensorflow:serving:request_count\{.*\} (\d+)$", re.MULTILINE)
_LOOK_SECONDS = 5.0
_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """A server that was started in the background.

    Attributes:
        pid: Of the process that watches over it.
        born: When that process was started, seconds since 1970: a pid alone may be another's by now.
        models: What it serves.
    """

    pid: int
    born: float
    rest: str
    grpc: str
    models: tuple[str, ...] = ()

    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - self.born) < 2
        except psutil.NoSuchProcess:
            return False


def running(root: Path) -> Background | None:
    """The server of a base path that was started in the background and still runs."""
    try:
        told = json.loads((root / _NOTE).read_text())
        found = Background(**{**told, "models": tuple(told["models"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if found.is_alive() else None


def with_running(settings: ServingSettings, model: str) -> ServingSettings:
    """Settings that name the server of the background, where they name none and it serves the model."""
    if settings.replicas or "://" in settings.base_path or not settings.base_path:
        return settings
    found = running(Path(settings.base_path))
    if found is None or model not in found.models:
        return settings
    replica = ReplicaSettings(rest=found.rest)
    return settings.model_copy(update={"replicas": (replica,), "control": "follow"})


def start(root: Path, models: Sequence[str], *, idle_seconds: float) -> Background:
    """Start a server of a base path, on free ports; it may take seconds until it answers.

    Args:
        root: A local directory; models are its sub-directories.
        models: Their names; they need not be there yet.
        idle_seconds: It ends when nobody has asked it anything for so long.
    """
    root.mkdir(parents=True, exist_ok=True)
    rest, grpc = _free_port(), _free_port()
    names = [part for name in models for part in ("--model", name)]
    options = ["--base-path", str(root), "--rest-port", str(rest), "--grpc-port", str(grpc), *names]
    command = [sys.executable, "-m", "pipeline_lib", "serve", "--poll-seconds", "0.25", *options]
    watching = [
        sys.executable,
        "-m",
        "pipeline_lib.serving.processes.background",
        str(root / _NOTE),
        str(idle_seconds),
        str(rest),
        *command,
    ]
    with (root / _LOG).open("wb") as log:
        process = subprocess.Popen(
            watching,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        )
    made = Background(
        pid=process.pid,
        born=psutil.Process(process.pid).create_time(),
        rest=f"http://127.0.0.1:{rest}",
        grpc=f"127.0.0.1:{grpc}",
        models=tuple(models),
    )
    partial = root / f"{_NOTE}.{os.getpid()}"
    partial.write_text(json.dumps(asdict(made)) + "\n")
    partial.replace(root / _NOTE)
    return made


def wait_until_it_answers(server: Background, root: Path, *, timeout_seconds: float) -> None:
    """Wait until a server listens.

    Raises:
        ServerSettingsError: It has ended.
        ServerUnreachableError: It does not listen in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while _requests(server.rest) is None:
        if not server.is_alive():
            raise ServerSettingsError(
                "the model server has ended", at=str(root / _LOG), fix="read that log; then start it again"
            )
        if time.monotonic() > deadline:
            raise ServerUnreachableError(
                f"the model server does not listen after {timeout_seconds:g} s",
                at=str(root / _LOG),
                fix="read that log",
            )
        time.sleep(0.05)


def stop(root: Path) -> bool:
    """End the server of a base path, if one runs in the background."""
    found = running(root)
    if found is None:
        return False
    process = psutil.Process(found.pid)
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        process.wait(_STOP_SECONDS + 5)
    (root / _NOTE).unlink(missing_ok=True)
    return True


def watch(note: Path, idle_seconds: float, rest_port: int, command: Sequence[str]) -> int:
    """Run a server until it ends, is asked to, or is idle; its exit code."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    seen, since = -1, time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            code = server.wait(_LOOK_SECONDS)
            if (found := running(note.parent)) is not None and found.pid == os.getpid():
                note.unlink(missing_ok=True)  # and not that of a server started since
            return code
        count = _requests(f"http://127.0.0.1:{rest_port}")
        if count is None or count != seen:
            seen, since = -1 if count is None else count, time.monotonic()
        elif time.monotonic() - since > idle_seconds:
            server.terminate()


def _requests(url: str) -> int | None:
    """How many requests a server has answered; None if it does not listen."""
    try:
        connection = HTTPConnection(url.removeprefix("http://"), timeout=2)
        connection.request("GET", "/monitoring/prometheus/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
    except (OSError, HTTPException):
        return None
    return sum(int(count) for count in _COUNT.findall(text))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(watch(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
