"""The directory that servers poll for the versions of a model, on a file system with atomic renames."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from pipeline_lib.faults import reached
from pipeline_lib.serving.base_path.bases import (
    HIDDEN,
    LEDGER,
    MAKE_WAY,
    WITHDRAWN,
    busy,
    parsed_ledger,
    refused,
)
from pipeline_lib.serving.base_path.content import Content
from pipeline_lib.serving.base_path.ledger import Ledger

_INCOMING = ".incoming-"
_REMOVING = ".removing-"


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
