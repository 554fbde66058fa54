"""A PostgreSQL and a Redis of one's own on this machine, for a local Airflow that is more than SQLite."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from pipeline_lib.errors import AirflowNotStartedError

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0


@contextlib.contextmanager
def private_postgresql(folder: Path) -> Iterator[Path]:
    """A running PostgreSQL server with a database `airflow`; gives the directory of its socket.

    It listens on no address. Started by root it runs as another user.

    Args:
        folder: Of its data; made if it is not there, and kept.

    Raises:
        AirflowNotStartedError: The package pgserver is not installed, or the server does not start.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # without a session there is no XDG_RUNTIME_DIR
            from pgserver.postgres_server import get_server
    except ModuleNotFoundError as error:
        raise AirflowNotStartedError(
            "there is no PostgreSQL to start",
            needs="the package pgserver",
            fix="install it, or use the SQLite profile",
        ) from error
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = get_server(folder.resolve(), cleanup_mode="stop")
        if "airflow" not in server.psql("SELECT datname FROM pg_database;").split():
            server.psql("CREATE DATABASE airflow;")
    except (subprocess.SubprocessError, OSError) as error:
        raise AirflowNotStartedError(
            f"PostgreSQL does not start: {error}", at=str(folder), fix=f"see {folder / 'log'}"
        ) from error
    try:
        yield Path(server.get_postmaster_info().socket_dir)
    finally:
        server.cleanup()


def postgresql_url(socket_folder: Path, database: str, *, driver: str = "") -> str:
    """The address of a database of that server, for SQLAlchemy's driver or, without one, for a profile."""
    return f"postgresql{driver}://postgres@/{database}?host={socket_folder}"


@contextlib.contextmanager
def private_redis() -> Iterator[str]:
    """A running Redis server that keeps nothing; gives its address for Celery. It listens on no port.

    Raises:
        AirflowNotStartedError: The program redis-server is not installed, or does not start.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise AirflowNotStartedError(
            "there is no Redis to start",
            needs="the program redis-server",
            fix="install Debian's redis-server, or use the PostgreSQL profile",
        )
    folder = Path(tempfile.mkdtemp(prefix="redis-"))  # a short path, for the socket
    socket = folder / "socket"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
    command += ["--save", "", "--dir", str(folder), "--logfile", str(folder / "log")]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not socket.exists():
            if server.poll() is not None or time.monotonic() > deadline:
                log = folder / "log"
                raise AirflowNotStartedError(
                    "redis-server does not start",
                    output=log.read_text(errors="replace")[-2000:] if log.exists() else "",
                    fix="mend what the output says",
                )
            time.sleep(0.05)
        yield f"redis+socket://{socket}?virtual_host=0"
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)
