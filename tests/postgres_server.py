"""A PostgreSQL of a test's own, which it may stop, kill and start again."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from pipeline_lib.airflow.services import postgresql_url
from waiting import wait_until

# As root the server is another user's, so Python forks, and a fork of a process in which gRPC has threads, as
# a test's may, can crash before it becomes the server. A young process has none.
_START = "import sys; from pgserver import get_server; get_server(sys.argv[1], cleanup_mode=None)"


def server_home(prefix: str) -> Path:
    """A directory for a throwaway server, in memory where there is enough of it."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    return Path(tempfile.mkdtemp(prefix=prefix, dir=memory if roomy else None))


class Server:
    """A server whose data are in `data`."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._has_run = False

    @property
    def socket_folder(self) -> Path:
        """The directory of its socket; it listens nowhere else."""
        return Path(self._pid_file()[4])

    def url(self, database: str) -> str:
        """The address of that database, which need not exist."""
        return postgresql_url(self.socket_folder, database)

    def fresh_url(self) -> str:
        """The address of a store that does not exist yet."""
        return self.url(f"m{uuid.uuid4().hex}")

    def stop(self, how: signal.Signals) -> None:
        """SIGINT: transactions are rolled back, then it ends. SIGKILL: it has no time for anything."""
        postmaster = psutil.Process(int(self._pid_file()[0]))
        workers = postmaster.children()
        os.kill(postmaster.pid, how)
        _, alive = psutil.wait_procs([postmaster, *workers], timeout=60)
        assert alive == []

    def start(self) -> None:
        """Start it, where it was if it has been there; nothing if it runs."""

        def started() -> bool:  # what a killed one held is let go in a moment
            if not self._has_run:
                shutil.rmtree(self._data, ignore_errors=True)  # what is there was not made to the end
            command = [sys.executable, "-W", "ignore", "-c", _START, str(self._data)]
            return subprocess.run(command, check=False).returncode == 0

        wait_until(started)
        self._has_run = True

    @contextmanager
    def connection(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """For looking at it from outside."""
        with psycopg.connect(host=str(self.socket_folder), user="postgres", dbname=database) as opened:
            yield opened

    def wait_for_lock(self, database: str) -> None:
        """Until somebody waits for a lock there."""
        question = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        deadline = time.monotonic() + 30
        with self.connection() as looking:
            looking.autocommit = True
            while looking.execute(question, (database,)).fetchone() is None:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def _pid_file(self) -> list[str]:
        return (self._data / "postmaster.pid").read_text().splitlines()


@contextmanager
def own_server(home: Path | None = None) -> Iterator[Server]:
    """A server that nobody else uses, and that does not outlive the test.

    Args:
        home: Where its data go. As root it runs as another user, which must reach it; pytest's own
            directories are private.
    """
    folder = home or server_home("pg-")
    folder.mkdir(exist_ok=True)
    server = Server(folder / "data")
    server.start()
    try:
        with server.connection() as opened:
            opened.autocommit = True
            for setting in ("fsync", "full_page_writes"):  # it may be killed, but the machine stays up
                opened.execute(f"ALTER SYSTEM SET {setting} = off")
            opened.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.start()  # a test may have failed while it was away
        server.stop(signal.SIGQUIT)  # at once, without a checkpoint
        shutil.rmtree(folder, ignore_errors=True)
