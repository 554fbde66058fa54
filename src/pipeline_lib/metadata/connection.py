"""One connection to ML Metadata: retries what may be repeated, and turns its errors into ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from pipeline_lib.errors import MetadataUnavailableError, MetadataVersionError
from pipeline_lib.metadata.database import (
    Database,
    connection_config,
    creation_lock,
    prepare_database,
    quiet_environment,
    whole_file,
)
from pipeline_lib.metadata.planner import teach_sqlite

_RETRY_SECONDS = 30.0
_BUSY = (
    "could not serialize",
    "deadlock",
    "database is locked",
    "current transaction is aborted",
    "try again",
)
_LOST = (
    "server closed the connection",
    "terminating connection",
    "no connection to the server",
    "connection not open",
    "connection has been closed",
    "gone away",
    "lost connection",
    "ssl syscall",
    "transaction already open",
)
# What is left to say of a transaction that cannot even be rolled back: the server is gone.
_WITHOUT_A_WORD = "source error:"
_REFUSALS = {
    "disk is full": "free space on the disk of the database, then run again",
    "no space left": "free space on the disk of the database, then run again",
    "readonly database": "give this user the right to write to the database's file and its directory",
    "disk i/o error": "check the disk of the database: space, mount, permissions",
    "not a database": "restore that file from a copy, or move it away: the next run begins a new store",
    "malformed": "restore the database from a copy, or move it away: the next run begins a new store",
}
_TAKEN = ("unique constraint", "duplicate key", "duplicate entry")


def _fix(message: str, otherwise: str = "check the database's log") -> str:
    return next((fix for text, fix in _REFUSALS.items() if text in message), otherwise)


class ConflictError(Exception):
    """A name or external id is taken: the caller looks up by whom."""


class NotStoredError(Exception):
    """What was asked for by name is not there."""


class _BusyError(Exception):
    """Nothing was done; the same call may succeed in a moment."""


class Connection:
    """A lazily opened, thread-safe, self-mending ML Metadata client.

    Attributes:
        calls: How many calls were made, for tests that bound them.
        taught: Whether it has made the database, and taught it what `planner` knows.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.calls = 0
        self.taught = False
        self._lock = threading.RLock()
        self._client: Any = None
        self._file: tuple[int, int] | None = None
        self._was_open = False
        self._creating = False

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of `ml_metadata.MetadataStore`, again if the store was busy or the connection lost.

        Writes are safe to repeat because every new execution has a unique name and every other new node an
        external id or a unique name: a repeat of what was committed is a conflict.

        Raises:
            ConflictError: A unique name or external id is taken.
            NotStoredError: A type asked for by name is not there.
            MetadataUnavailableError: Anything else.
        """
        with self._lock:
            self.calls += 1
            try:
                return self._call_once(method, args, kwargs)
            except _BusyError:
                return self._call_again(method, args, kwargs)

    @contextmanager
    def creating(self) -> Iterator[None]:
        """The lock under which tables and types are created; its holder may take it again."""
        with self._lock:
            if self._creating:
                yield
                return
            with creation_lock(self.database):
                self._creating = True
                try:
                    yield
                finally:
                    self._creating = False

    def close(self) -> None:
        """Give the connection back; a later call opens another."""
        with self._lock:
            self._client, self._was_open = None, False

    def _call_again(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        import tenacity  # here, because it imports asyncio, and a call is hardly ever repeated

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_BusyError),
            wait=tenacity.wait_random_exponential(multiplier=0.01, max=1.0),
            stop=tenacity.stop_after_delay(_RETRY_SECONDS),
            reraise=True,
        )
        try:
            return retrying(self._call_once, method, args, kwargs)
        except _BusyError as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> NoReturn:
        raise MetadataUnavailableError(
            f"the metadata store was busy or out of reach for {_RETRY_SECONDS:.0f} s",
            at=str(self.database),
            got=error,
            fix="use PostgreSQL where many runs write at once, and check that the server runs",
        ) from error

    def _call_once(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from ml_metadata import errors

        if self._was_open:
            self._require_same_file()
        if self._client is None:
            self._client = self._reopen()
        try:
            return getattr(self._client, method)(*args, **kwargs)
        except errors.StatusError as error:
            message = str(error).lower()
            if isinstance(error, errors.NotFoundError):
                raise NotStoredError(str(error)) from error
            if isinstance(error, errors.AlreadyExistsError) or any(text in message for text in _TAKEN):
                raise ConflictError(str(error)) from error
            if any(text in message for text in _LOST) or message.rstrip().endswith(_WITHOUT_A_WORD):
                self._client = None
                raise _BusyError(str(error)) from error
            if isinstance(error, errors.AbortedError) or any(text in message for text in _BUSY):
                raise _BusyError(str(error)) from error
            self._client = (
                None  # a full disk leaves its transaction open, and then it refuses all that follows
            )
            raise MetadataUnavailableError(
                f"ML Metadata refused {method}",
                at=str(self.database),
                got=str(error)[:500],
                fix=_fix(message),
            ) from error

    def _require_same_file(self) -> None:
        """SQLite goes on writing into a file that was removed: a success that nobody would ever find."""
        if self.database.file_identity() == self._file:
            return
        raise MetadataUnavailableError(
            "the file of the metadata store was removed or replaced while it was open",
            at=str(self.database),
            fix="leave it in place while something runs; run again, on what is there now",
        )

    def _reopen(self) -> Any:
        try:
            client = self._open()
        except MetadataUnavailableError as error:
            if self.database.backend == "sqlite" or not self._was_open:
                raise
            raise _BusyError(str(error)) from error  # it was there: a server that starts again
        self._file, self._was_open = self.database.file_identity(), True
        return client

    def _is_whole(self) -> bool:
        """Whether it is a file with all its tables, as `whole_file` makes it: that needs no lock."""
        try:
            return self.database.backend == "sqlite" and self.database.path.stat().st_size > 0
        except OSError:
            return False

    def _open(self) -> Any:
        quiet_environment()
        from absl import logging  # type: ignore[import-untyped]
        from ml_metadata import errors
        from ml_metadata.metadata_store import metadata_store

        # Its client logs every conflict and every wait; to us these are answers.
        logging.set_verbosity(logging.FATAL)
        try:
            if self._is_whole():
                return metadata_store.MetadataStore(connection_config(self.database))
            with self.creating():
                prepare_database(self.database)
                if self.database.backend == "sqlite" and not self._is_whole():
                    with whole_file(self.database) as fresh:
                        metadata_store.MetadataStore(connection_config(fresh))  # and closes it again
                        teach_sqlite(fresh.path)
                    self.taught = True
                return metadata_store.MetadataStore(connection_config(self.database))
        except (errors.StatusError, RuntimeError) as error:
            message = str(error).lower()
            if "database version" in message or "schema version" in message:
                raise MetadataVersionError(
                    "the metadata store has another schema version of ML Metadata",
                    at=str(self.database),
                    got=str(error)[:500],
                    fix="use the ml_metadata that wrote it, or name another database in the profile",
                ) from error
            if isinstance(error, errors.AbortedError) or any(text in message for text in (*_TAKEN, *_BUSY)):
                raise _BusyError(str(error)) from error
            raise MetadataUnavailableError(
                "the metadata store cannot be opened",
                at=str(self.database),
                got=str(error)[:500],
                fix=_fix(message, self.database.how_to_reach),
            ) from error
