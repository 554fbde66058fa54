"""A metadata url taken apart: which backend, ML Metadata's settings for it, and the lock for creating it."""

import os
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline_lib.errors import MetadataUnavailableError, MetadataUrlError, SecretError
from pipeline_lib.secrets import reveal_secret

if TYPE_CHECKING:
    import psycopg

    from pipeline_lib.settings import MetadataSettings

Backend = Literal["sqlite", "postgresql", "mysql"]

_BACKENDS: Mapping[str, Backend] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_PORTS: Mapping[str, int] = {"postgresql": 5432, "mysql": 3306}
_LOCK_SECONDS = 60.0
# An arbitrary constant: the number that PostgreSQL's advisory lock is known by.
_ADVISORY_LOCK = 7_165_228_034
# Of MySQL 8 and MariaDB, whose names differ: by code points, blanks at the end included.
_EXACT_COLLATIONS = ("utf8mb4_0900_bin", "utf8mb4_nopad_bin")
_EXAMPLES = "sqlite:///path, postgresql://user@host/database or mysql://user@host/database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the metadata are.

    Attributes:
        path: The file (SQLite), else empty.
        options: The url's query; `host` there names a socket's directory (PostgreSQL).
        password: A secret's reference, or None.
    """

    backend: Backend
    path: Path = Path()
    host: str = ""
    port: int = 0
    user: str = ""
    name: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    password: str | None = None

    def __str__(self) -> str:
        if self.backend == "sqlite":
            return f"sqlite:///{self.path}"
        return f"{self.backend}://{self.user}@{self.host}:{self.port}/{self.name}"

    @property
    def how_to_reach(self) -> str:
        """What to look at when it cannot be opened."""
        if self.backend == "sqlite":
            return "let this user read and write that file and its directory, and see that there is space"
        return "check the profile's metadata section and that the server runs"

    def file_identity(self) -> tuple[int, int] | None:
        """What changes when the file is removed or replaced; None where there is no file."""
        if self.backend != "sqlite":
            return None
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def revealed_password(self) -> str:
        """The password itself, or ""."""
        return reveal_secret(self.password) if self.password else ""


def parse_database(settings: "MetadataSettings | str") -> Database:
    """Take a profile's metadata section, or a bare url, apart.

    Raises:
        MetadataUrlError: The url is of no known kind, or incomplete.
        SecretError: The url holds a password in clear.
    """
    url = settings if isinstance(settings, str) else settings.url
    reference = None if isinstance(settings, str) else settings.password
    parts = urllib.parse.urlsplit(url)
    options = dict(urllib.parse.parse_qsl(parts.query))
    if parts.password:
        raise SecretError(
            "the metadata url holds a password in clear",
            at=f"{parts.scheme}://{parts.username or ''}:***@{parts.hostname or ''}{parts.path}",
            fix="take it out of the url and set `password: env:NAME` in the profile's metadata section",
        )
    reference = options.pop("password", None) or reference
    if parts.scheme == "sqlite":
        path = urllib.parse.unquote(parts.path.removeprefix("/"))
        if not path or parts.netloc:
            raise _url_error(url, "the path of a file")
        return Database(backend="sqlite", path=Path(path).absolute())
    backend = _BACKENDS.get(parts.scheme.split("+")[0])
    if backend is None:
        raise _url_error(url, "a known kind of database")
    name = urllib.parse.unquote(parts.path.strip("/"))
    host = options.pop("host", "") or parts.hostname or ""
    if not name or not host:
        raise _url_error(url, "a host and a database")
    return Database(
        backend=backend,
        host=host,
        port=parts.port or _PORTS[backend],
        user=urllib.parse.unquote(parts.username or ""),
        name=name,
        options=options,
        password=reference,
    )


def _url_error(url: str, missing: str) -> MetadataUrlError:
    return MetadataUrlError(f"the metadata url lacks {missing}", at=url, fix=f"give {_EXAMPLES}")


def connection_config(database: Database) -> Any:
    """ML Metadata's `ConnectionConfig`; it never retries by itself, because it would sleep for seconds."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    config = pb.ConnectionConfig()
    config.retry_options.max_num_retries = 1
    if database.backend == "sqlite":
        config.sqlite.filename_uri = str(database.path)
        config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    elif database.backend == "postgresql":
        target = config.postgresql
        target.host, target.port, target.dbname = database.host, str(database.port), database.name
        target.user, target.password = database.user, database.revealed_password()
        if "sslmode" in database.options:
            target.ssloption.sslmode = database.options["sslmode"]
    else:
        target = config.mysql
        target.user, target.password = database.user, database.revealed_password()
        target.database = database.name
        if "unix_socket" in database.options:  # with a host as well, ML Metadata ends the process
            target.socket = database.options["unix_socket"]
        else:
            target.host, target.port = database.host, database.port
    return config


@contextmanager
def creation_lock(database: Database) -> Iterator[None]:
    """Held by one process at a time, on any machine: ML Metadata's own creation of tables is not safe.

    Raises:
        MetadataUnavailableError: The database cannot be reached, or another process keeps the lock.
    """
    if database.backend == "sqlite":
        yield from _file_lock(database)
    elif database.backend == "postgresql":
        yield from _advisory_lock(database)
    else:
        yield from _named_lock(database)


def _file_lock(database: Database) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        database.path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{database.path}.lock", timeout=_LOCK_SECONDS)
        lock.acquire()
    except (OSError, Timeout) as error:
        raise _unreachable(database, error) from error
    try:
        yield
    finally:
        lock.release()


def postgresql_connect(database: Database, name: str) -> "psycopg.Connection[Any] | None":
    """A connection to one of a server's databases, each statement a transaction; None without the driver.

    Raises:
        MetadataUnavailableError: The database cannot be reached.
    """
    try:
        import psycopg
    except ImportError:
        return None
    try:
        return psycopg.connect(
            host=database.host,
            port=database.port,
            user=database.user or None,
            password=database.revealed_password() or None,
            dbname=name,
            sslmode=database.options.get("sslmode"),
            autocommit=True,
            options=f"-c statement_timeout={int(_LOCK_SECONDS * 1000)}",
        )
    except psycopg.Error as error:
        raise _unreachable(database, error) from error


def _advisory_lock(database: Database) -> Iterator[None]:
    connection = postgresql_connect(database, "postgres")
    if connection is None:  # opening retries instead
        yield
        return
    import psycopg

    with connection:
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        except psycopg.Error as error:
            raise _unreachable(database, error) from error
        yield


def _named_lock(database: Database) -> Iterator[None]:
    connection = _mysql_connect(database)
    if connection is None:
        yield
        return
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('pipeline_lib', %s)", (_LOCK_SECONDS,))
        yield


def _mysql_connect(database: Database) -> Any:
    """A connection to the server, or None without the driver: opening retries instead of locking."""
    try:
        import pymysql
    except ImportError:
        return None
    try:
        return pymysql.connect(
            host=database.host,
            port=database.port,
            user=database.user,
            password=database.revealed_password(),
            unix_socket=database.options.get("unix_socket"),
        )
    except pymysql.Error as error:
        raise _unreachable(database, error) from error


def _unreachable(database: Database, error: Exception) -> MetadataUnavailableError:
    return MetadataUnavailableError(
        "the metadata store cannot be opened",
        at=str(database),
        got=str(error).strip() or type(error).__name__,
        fix=database.how_to_reach,
    )


def prepare_database(database: Database) -> None:
    """Make a new database with settings that ML Metadata does not choose; call it under `creation_lock`.

    MySQL's own choice takes "A" for "a" and "a " for "a", in names as in filters: a database of ours has a
    collation that does not. For SQLite see `whole_file`.

    Raises:
        MetadataUnavailableError: A MySQL database is there that takes different texts for equal, or the
            server knows no other.
    """
    if database.backend != "mysql" or not (connect := _mysql_connect(database)):
        return
    with connect as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT collation_name FROM information_schema.collations WHERE collation_name IN %s",
            (_EXACT_COLLATIONS,),
        )
        exact = [str(row[0]) for row in cursor.fetchall()]
        if not exact:
            raise MetadataUnavailableError(
                "the metadata store's server has no collation that tells all texts apart",
                at=str(database),
                needs=f"one of {', '.join(_EXACT_COLLATIONS)}",
                fix="use MySQL 8.0.17, MariaDB 10.2 or newer, or PostgreSQL",
            )
        cursor.execute(
            "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = %s",
            (database.name,),
        )
        found = cursor.fetchone()
        settings = f"CHARACTER SET utf8mb4 COLLATE {exact[0]}"
        if found is None:
            name = database.name.replace("`", "``")
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{name}` {settings}")
        elif found[0] not in exact:
            raise MetadataUnavailableError(
                "the metadata store's database takes different texts for equal",
                at=str(database),
                needs=f"collation {exact[0]}",
                got=f"collation {found[0]}",
                fix="name a database that is not there yet: it is made as it has to be; "
                f"or, while this one is empty, ALTER DATABASE ... {settings}",
            )


@contextmanager
def whole_file(database: Database) -> Iterator[Database]:
    """A new SQLite file to put tables into, under another name until the block ends: it appears whole.

    It has write-ahead logging, for good: a commit then waits for the disk once, not four times, and readers
    and a writer do not stop each other. Call it under `creation_lock`.

    Raises:
        MetadataUnavailableError: The file cannot be written.
    """
    import sqlite3

    fresh = replace(database, path=database.path.with_name(f".{database.path.name}.new"))
    try:
        for rest in ("", "-wal", "-shm"):  # of a process that was killed here
            fresh.path.with_name(f"{fresh.path.name}{rest}").unlink(missing_ok=True)
        with closing(sqlite3.connect(fresh.path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        yield fresh
        with fresh.path.open("rb") as file:
            os.fsync(file.fileno())
        fresh.path.replace(database.path)
    except (OSError, sqlite3.Error) as error:
        raise _unreachable(database, error) from error


def quiet_environment() -> None:
    """Stop ML Metadata's C++ side, before its import, from telling standard error of every connection."""
    os.environ.setdefault("GLOG_minloglevel", "2")
