"""A PostgreSQL that a test stops, kills and starts again."""

import os
import shutil
import signal
import subprocess
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


class Server:
    """One server; `server` is pgserver's handle of it."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.socket_folder = Path(server.get_postmaster_info().socket_dir)

    def fresh_url(self) -> str:
        """The address of a store that does not exist yet."""
        return postgresql_url(self.socket_folder, f"m{uuid.uuid4().hex}")

    def stop(self, how: signal.Signals) -> None:
        """SIGINT: transactions are rolled back, then it ends. SIGKILL: it has no time for anything."""
        postmaster = psutil.Process(self._server.get_pid())
        workers = postmaster.children()
        os.kill(postmaster.pid, how)
        _, alive = psutil.wait_procs([postmaster, *workers], timeout=60)
        assert alive == []

    def start(self) -> None:
        """Start it again, where it was."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self._server.ensure_postgres_running()
            except subprocess.CalledProcessError:  # what a killed one held is let go in a moment
                assert time.monotonic() < deadline
                time.sleep(0.2)

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


@contextmanager
def own_server() -> Iterator[Server]:
    """A server that nobody else uses; as root it runs as another user, which must reach its folder."""
    import pgserver

    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    handle = pgserver.get_server(folder / "data", cleanup_mode=None)
    server = Server(handle)
    try:
        yield server
    finally:
        server.start()  # a test may have failed while it was away
        server.stop(signal.SIGINT)
        handle.cleanup()
        shutil.rmtree(folder)
