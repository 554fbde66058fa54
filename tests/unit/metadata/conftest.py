import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store
from postgres_server import own_server, server_home


@pytest.fixture(scope="session")
def postgresql_directory() -> Iterator[Path]:
    """A running PostgreSQL server: the directory of its socket."""
    with own_server() as server:
        yield server.socket_folder


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
