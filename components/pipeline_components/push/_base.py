"""The directory that a server polls for versions: locally with renames, elsewhere with the last file last."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from tempfile import gettempdir
from typing import Protocol

import filelock
import fsspec

from pipeline_components.errors import PushBusyError, PushFailedError
from pipeline_components.push._ledger import Ledger
from pipeline_components.push._servable import SAVED_MODEL, Content
from pipeline_lib.hashing import digest

# TF Serving takes directories with integer names for versions and passes over all others.
_HIDDEN = ".push"
_INCOMING = ".incoming-"
_LEDGER = "ledger.json"


class VersionBase(Protocol):
    """Where the versions of one model live."""

    def locked(self, wait_seconds: float) -> AbstractContextManager[None]:
        """Keep other pushes out for the block."""

    def clear_leftovers(self) -> None:
        """Remove what a push that died left behind."""

    def read_ledger(self) -> Ledger:
        """The ledger, empty at first."""

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger."""

    def existing(self) -> list[int]:
        """Versions that are there."""

    def matches(self, version: int, content: Content) -> bool:
        """Whether a version still has files of these names and sizes."""

    def write_version(self, version: int, source: Path, content: Content) -> None:
        """Make a version appear, whole, or leave nothing of it."""


def open_base(base: str) -> VersionBase:
    """The base path, local or remote."""
    if "://" in base and not base.startswith("file://"):
        return RemoteBase(base)
    return LocalBase(Path(base.removeprefix("file://")))


class LocalBase:
    """A directory on a file system with atomic renames."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hidden = root / _HIDDEN

    @contextmanager
    def locked(self, wait_seconds: float) -> Iterator[None]:
        """Keep other pushes out, on every machine that shares the file system."""
        with _failures(str(self._root)):
            self._hidden.mkdir(parents=True, exist_ok=True)
        with _lock(self._hidden / "lock", wait_seconds, str(self._root)):
            yield

    def clear_leftovers(self) -> None:
        """Remove copies that were never renamed."""
        for left in self._root.glob(f"{_INCOMING}*"):
            shutil.rmtree(left, ignore_errors=True)

    def read_ledger(self) -> Ledger:
        """The ledger, empty at first."""
        file = self._hidden / _LEDGER
        return _ledger(file.read_text(), str(file)) if file.exists() else Ledger()

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger in one step."""
        with _failures(str(self._root)):
            _write_synced(self._hidden / f"{_LEDGER}.new", ledger.to_text().encode())
            (self._hidden / f"{_LEDGER}.new").replace(self._hidden / _LEDGER)
            _sync_directory(self._hidden)

    def existing(self) -> list[int]:
        """Versions that are there."""
        return sorted(
            int(path.name) for path in self._root.iterdir() if path.name.isdecimal() and path.is_dir()
        )

    def matches(self, version: int, content: Content) -> bool:
        """Whether a version still has files of these names and sizes."""
        root = self._root / str(version)
        files = (path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in files} == content.sizes

    def write_version(self, version: int, source: Path, content: Content) -> None:
        """Copy under a hidden name, `saved_model.pb` last, and rename.

        Raises:
            PushFailedError: A write was refused; the copy is removed.
        """
        incoming = self._root / f"{_INCOMING}{version}-{uuid.uuid4().hex[:8]}"
        with _failures(str(self._root)):
            try:
                for name in in_order(content):
                    _copy_synced(source / name, incoming / name)
                for directory in sorted({(incoming / name).parent for name in content.sizes}, reverse=True):
                    _sync_directory(directory)
                incoming.rename(self._root / str(version))
                _sync_directory(self._root)
            except BaseException:
                shutil.rmtree(incoming, ignore_errors=True)
                raise


class RemoteBase:
    """A place that fsspec knows: object stores, which have no rename.

    Pushes are kept apart on one machine only; a pipeline that pushes from several needs one pool slot for it.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._files, self._root = fsspec.core.url_to_fs(base)

    @contextmanager
    def locked(self, wait_seconds: float) -> Iterator[None]:
        """Keep other pushes from this machine out."""
        lock = Path(gettempdir()) / f"pipeline-push-{os.getuid()}-{digest('push', self._base)[:16]}.lock"
        with _lock(lock, wait_seconds, self._base):
            yield

    def clear_leftovers(self) -> None:
        """Remove versions that never got their `saved_model.pb`."""
        for version in self._directories():
            if not self._files.exists(f"{self._root}/{version}/{SAVED_MODEL}"):
                self._files.rm(f"{self._root}/{version}", recursive=True)

    def read_ledger(self) -> Ledger:
        """The ledger, empty at first."""
        file = f"{self._root}/{_HIDDEN}/{_LEDGER}"
        return _ledger(self._files.cat_file(file).decode(), file) if self._files.exists(file) else Ledger()

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger; object stores do this in one step."""
        with _failures(self._base):
            self._files.makedirs(f"{self._root}/{_HIDDEN}", exist_ok=True)
            self._files.pipe_file(f"{self._root}/{_HIDDEN}/{_LEDGER}", ledger.to_text().encode())

    def existing(self) -> list[int]:
        """Versions that are there."""
        return self._directories()

    def matches(self, version: int, content: Content) -> bool:
        """Whether a version still has files of these names and sizes."""
        root = PurePosixPath(f"{self._root}/{version}")
        found = self._files.find(str(root), detail=True)
        return {
            str(PurePosixPath(name).relative_to(root)): info["size"] for name, info in found.items()
        } == content.sizes

    def write_version(self, version: int, source: Path, content: Content) -> None:
        """Copy in place, `saved_model.pb` last.

        Raises:
            PushFailedError: A write was refused; what was written is removed.
        """
        target = f"{self._root}/{version}"
        with _failures(self._base):
            try:
                for name in in_order(content):
                    self._files.makedirs(f"{target}/{name}".rpartition("/")[0], exist_ok=True)
                    self._files.put_file(str(source / name), f"{target}/{name}")
            except BaseException:
                if self._files.exists(target):
                    self._files.rm(target, recursive=True)
                raise

    def _directories(self) -> list[int]:
        if not self._files.exists(self._root):
            return []
        names = (PurePosixPath(path).name for path in self._files.ls(self._root, detail=False))
        return sorted(int(name) for name in names if name.isdecimal())


def in_order(content: Content) -> list[str]:
    """File names in the order of copying: where `saved_model.pb` is, the rest is too."""
    return sorted(content.sizes, key=lambda name: (name == SAVED_MODEL, name))


def _ledger(text: str, at: str) -> Ledger:
    try:
        return Ledger.from_text(text)
    except (ValueError, KeyError, TypeError) as error:
        raise PushFailedError(
            "the ledger of pushed versions is damaged",
            at=at,
            fix="delete it: versions stay above those that are there, and the newest is pushed once more",
        ) from error


@contextmanager
def _lock(file: Path, wait_seconds: float, base: str) -> Iterator[None]:
    try:
        with filelock.FileLock(file, timeout=wait_seconds):
            yield
    except filelock.Timeout as error:
        raise PushBusyError(
            f"another push has not ended after {wait_seconds:g} s",
            at=base,
            fix="wait for it, or look why it hangs",
        ) from error


@contextmanager
def _failures(base: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PushFailedError(
            f"the destination refused a write: {error.strerror or error}",
            at=base,
            fix="check space and permissions there, then push again",
        ) from error


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
