"""The directory that servers poll for the versions of a model: on a file system, or where fsspec reads."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import filelock

from pipeline_lib.errors import PushBusyError, PushFailedError
from pipeline_lib.faults import reached
from pipeline_lib.serving.content import Content
from pipeline_lib.serving.ledger import Ledger

# TF Serving takes directories with integer names for versions and passes over all others.
HIDDEN = ".push"
LEDGER = "ledger.json"
WITHDRAWN = "withdrawn"
MAKE_WAY = "make-way"
_INCOMING = ".incoming-"
_REMOVING = ".removing-"


class VersionBase(Protocol):
    """Where the versions of one model live. A refused read or write raises `PushFailedError`."""

    @property
    def uri(self) -> str:
        """The directory, as a server of this machine names it."""

    def locked(self, wait_seconds: float) -> AbstractContextManager[None]:
        """Keep other changes out for the block; a holder that dies keeps nobody out.

        Raises:
            PushBusyError: Somebody else holds it all the time.
        """

    def require_lock(self) -> None:
        """Make sure that the lock is still ours, before something that others see.

        Raises:
            PushBusyError: It was taken from us: we were taken for dead.
        """

    def ask_to_make_way(self, *, asked: bool) -> None:
        """Ask the holder of the lock to give up what it does, or no longer ask."""

    def asked_to_make_way(self) -> bool:
        """Whether somebody waits for the lock who must not wait."""

    def clear_leftovers(self) -> None:
        """Remove what a push that died left half written or half deleted."""

    def read_ledger(self) -> Ledger:
        """The ledger, empty at first."""

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger in one step."""

    def existing(self) -> list[int]:
        """Versions that servers see."""

    def withdrawn(self) -> list[int]:
        """Versions that are kept out of their sight."""

    def matches(self, version: int, content: Content) -> bool:
        """Whether a version has files of exactly these names and sizes."""

    def read(self, version: int, name: str) -> bytes | None:
        """A file of a version, or None if it has none of that name."""

    def write_version(self, version: int, source: Path, content: Content) -> None:
        """Make a version appear, whole, or leave nothing of it."""

    def withdraw(self, version: int) -> None:
        """Take a version out of the servers' sight and keep it."""

    def restore(self, version: int) -> None:
        """Put a withdrawn version where servers see it."""

    def remove(self, version: int) -> None:
        """Delete a version, wherever it is; nothing happens if there is none."""


def open_base(base: str) -> VersionBase:
    """The base path of one model, local or remote."""
    if "://" in base and not base.startswith("file://"):
        from pipeline_lib.serving.remote_base import RemoteBase

        return RemoteBase(base)
    return LocalBase(Path(base.removeprefix("file://")))


class LocalBase:
    """A directory on a file system with atomic renames."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hidden = root / HIDDEN

    @property
    def uri(self) -> str:
        """The directory, absolute."""
        return str(self._root.absolute())

    @contextmanager
    def locked(self, wait_seconds: float) -> Iterator[None]:
        """Keep others out, on all machines that share the file system; the kernel frees a dead one's lock."""
        with refused(str(self._root)):
            self._hidden.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self._hidden / "lock")
        try:
            lock.acquire(timeout=wait_seconds)
        except filelock.Timeout as error:
            raise busy(str(self._root), wait_seconds) from error
        try:
            yield
        finally:
            lock.release()

    def require_lock(self) -> None:
        """Nothing to do: only the holder's death frees a lock of the kernel."""

    def ask_to_make_way(self, *, asked: bool) -> None:
        """Leave a note beside the lock, or take it away."""
        note = self._hidden / MAKE_WAY
        with refused(str(self._root)):
            if asked:
                note.touch()
            else:
                note.unlink(missing_ok=True)

    def asked_to_make_way(self) -> bool:
        """Whether the note is there."""
        return (self._hidden / MAKE_WAY).exists()

    def clear_leftovers(self) -> None:
        """Remove copies that were never renamed, and deletions that were not finished."""
        for pattern in (f"{_INCOMING}*", f"{_REMOVING}*"):
            for left in self._root.glob(pattern):
                shutil.rmtree(left, ignore_errors=True)

    def read_ledger(self) -> Ledger:
        """The ledger, empty at first."""
        file = self._hidden / LEDGER
        with refused(str(self._root)):
            return parsed_ledger(file.read_text(), str(file)) if file.exists() else Ledger()

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger in one step."""
        partial = self._hidden / f"{LEDGER}.new"
        with refused(str(self._root)):
            self._hidden.mkdir(parents=True, exist_ok=True)
            _write_synced(partial, ledger.to_text().encode())
            partial.replace(self._hidden / LEDGER)
            _sync_directory(self._hidden)

    def existing(self) -> list[int]:
        """Versions that servers see."""
        return _numbers(self._root)

    def withdrawn(self) -> list[int]:
        """Versions that are kept out of their sight."""
        return _numbers(self._hidden / WITHDRAWN)

    def matches(self, version: int, content: Content) -> bool:
        """Whether a version has files of exactly these names and sizes."""
        root = self._root / str(version)
        files = (path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in files} == content.sizes

    def read(self, version: int, name: str) -> bytes | None:
        """A file of a version, or None if it has none of that name."""
        for root in (self._root, self._hidden / WITHDRAWN):
            file = root / str(version) / name
            with refused(str(file)):
                if file.is_file():
                    return file.read_bytes()
        return None

    def write_version(self, version: int, source: Path, content: Content) -> None:
        """Copy under a hidden name, `saved_model.pb` last, and rename."""
        incoming = self._root / f"{_INCOMING}{version}-{uuid.uuid4().hex[:8]}"
        with refused(str(self._root)):
            try:
                for name in content.in_order():
                    _copy_synced(source / name, incoming / name)
                for directory in sorted({(incoming / name).parent for name in content.sizes}, reverse=True):
                    _sync_directory(directory)
                reached("push-copied")
                incoming.rename(self._root / str(version))
                _sync_directory(self._root)
            except BaseException:
                shutil.rmtree(incoming, ignore_errors=True)
                raise

    def withdraw(self, version: int) -> None:
        """Rename it to where no server looks."""
        hidden = self._hidden / WITHDRAWN
        with refused(str(self._root)):
            hidden.mkdir(parents=True, exist_ok=True)
            (self._root / str(version)).rename(hidden / str(version))
            _sync_directory(self._root)

    def restore(self, version: int) -> None:
        """Rename it back."""
        with refused(str(self._root)):
            (self._hidden / WITHDRAWN / str(version)).rename(self._root / str(version))
            _sync_directory(self._root)

    def remove(self, version: int) -> None:
        """Rename it first: a server never sees half of it."""
        for root in (self._root, self._hidden / WITHDRAWN):
            away = self._root / f"{_REMOVING}{version}-{uuid.uuid4().hex[:8]}"
            with refused(str(self._root)), suppress(FileNotFoundError):
                (root / str(version)).rename(away)
                shutil.rmtree(away)


def parsed_ledger(text: str, at: str) -> Ledger:
    """A ledger's text.

    Raises:
        PushFailedError: It is damaged.
    """
    try:
        return Ledger.from_text(text)
    except ValueError as error:
        raise PushFailedError(
            "the ledger of pushed versions is damaged",
            at=at,
            fix="delete it: then the newest version counts as live, and numbers stay above those there",
        ) from error


def busy(at: str, wait_seconds: float) -> PushBusyError:
    """Somebody else holds the lock."""
    return PushBusyError(
        f"another push has not ended after {wait_seconds:g} s",
        at=at,
        fix="wait for it, or look why it hangs",
    )


@contextmanager
def refused(base: str) -> Iterator[None]:
    """Tell of an error of the file system as one of the base path.

    Raises:
        PushFailedError: There was one.
    """
    try:
        yield
    except OSError as error:
        raise PushFailedError(
            f"the destination refused a write: {error.strerror or error}",
            at=base,
            fix="check space and permissions there, then push again",
        ) from error


def _numbers(directory: Path) -> list[int]:
    if not directory.is_dir():
        return []
    with refused(str(directory)):
        return sorted(
            int(path.name) for path in directory.iterdir() if path.name.isdecimal() and path.is_dir()
        )


def _copy_synced(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())


def _write_synced(file: Path, data: bytes) -> None:
    with file.open("wb") as write:
        write.write(data)
        write.flush()
        os.fsync(write.fileno())


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
