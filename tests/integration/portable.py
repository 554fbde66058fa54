"""Prism, built from the Go module that is pinned in `prism/`, and a pool of SDK workers of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = Path(__file__).parent / "prism"


def why_no_prism() -> str | None:
    """Why Prism cannot be built here; None if it can."""
    go = shutil.which("go")
    if go is None:
        return "Prism is built with Go, which is not installed"
    needed = _version(
        next(line for line in (MODULE / "go.mod").read_text().splitlines() if line[:3] == "go ")
    )
    there = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    if _version(there) < needed:
        return f"Prism needs Go {'.'.join(map(str, needed))}; {there.strip()} is installed"
    return None


def _version(text: str) -> tuple[int, ...]:
    """The numbers in `go 1.26.0`, `go1.26.8` or `go1.27rc1`."""
    digits = text.strip().removeprefix("go").strip().split()[0]
    return tuple(int(part) for part in digits.partition("rc")[0].split("."))


@contextmanager
def prism(log: Path) -> Iterator[str]:
    """Address of Prism's job server; the program is built first, unless it is there."""
    subprocess.run(["make", "--silent", "prism"], cwd=ROOT, check=True, timeout=900)
    port = _free_port()
    command = [
        str(ROOT / ".cache/prism/prism"),
        f"--job_port={port}",
        "--serve_http=false",
        "--log_kind=text",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            _wait_for(port, process)
            yield f"localhost:{port}"
        finally:
            process.kill()
            process.wait(timeout=60)


def why_not_hidden() -> str | None:
    """Why a directory cannot be hidden from a process here; None if it can."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return "workers are kept from this machine's directories with unshare, which is not installed"
    tried = subprocess.run([*_apart(), "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"mounts of one's own are not allowed: {tried.stderr.strip()}"


@contextmanager
def worker_pool(log: Path, environ: Mapping[str, str], *, hide: Path) -> Iterator[str]:
    """Address of a process that starts an SDK worker, a process of its own, for each job.

    Args:
        log: What it and its workers print.
        environ: For them, beside what this process has.
        hide: A directory in place of which they see an empty one of their own.
    """
    port = _free_port()
    hide.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_apart(), "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hide), *command],
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # it starts `python`
                **environ,
            },
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_for(port, process)
            yield f"localhost:{port}"
        finally:
            process.send_signal(signal.SIGINT)  # it then ends its workers, too
            process.wait(timeout=60)


def _apart() -> list[str]:
    """Begins a command whose mounts are its own."""
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def _free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("localhost", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None
        try:
            with closing(socket.create_connection(("localhost", port), timeout=1)):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing listens at {port}")
