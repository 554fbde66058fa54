import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store
from unit.runtime.background import is_gone
from waiting import wait_until


def server_home(prefix: str) -> Path:
    """A directory for a throwaway server, in memory where there is enough of it."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    return Path(tempfile.mkdtemp(prefix=prefix, dir=memory if roomy else None))


@pytest.fixture(scope="session")
def postgresql_directory() -> Iterator[Path]:
    """A running PostgreSQL server: the directory of its socket. As root it runs as another user."""
    import pgserver

    home = server_home("pg-")
    server = pgserver.get_server(home / "data", cleanup_mode="delete")
    # Nothing here outlives the session: no waiting for disks.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.psql(f"ALTER SYSTEM SET {setting} = off;")
    server.psql("SELECT pg_reload_conf();")
    try:
        yield Path(server.get_postmaster_info().socket_dir)
    finally:
        pid = server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)  # stops at once, without a checkpoint
        wait_until(lambda: is_gone(pid))
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb_socket() -> Iterator[Path]:
    """A running MariaDB server: its socket. Needs Debian's mariadb-server."""
    home = server_home("mariadb-")
    socket, data = home / "socket", home / "data"
    subprocess.run(
        [
            "mariadb-install-db",
            f"--datadir={data}",
            "--user=root",
            "--auth-root-authentication-method=normal",
        ],
        check=True,
        capture_output=True,
    )
    server = subprocess.Popen(
        [
            "mariadbd",
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={socket}",
            f"--pid-file={home / 'pid'}",
            "--skip-networking",
            "--user=root",
            "--character-set-server=utf8mb4",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not socket.exists():
            assert server.poll() is None, "mariadbd ended"
            assert time.monotonic() < deadline, "mariadbd did not start"
            time.sleep(0.1)
        yield socket
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql", pytest.param("mysql", marks=pytest.mark.system)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that does not exist yet."""
    name = f"m{uuid.uuid4().hex}"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/metadata.sqlite"
    if request.param == "postgresql":
        directory = request.getfixturevalue("postgresql_directory")
        return f"postgresql://postgres@/{name}?host={directory}"
    socket = request.getfixturevalue("mariadb_socket")
    return f"mysql://root@localhost/{name}?unix_socket={socket}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened
