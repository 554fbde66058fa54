"""The base path of a model where fsspec reads: object stores, which have neither renames nor locks."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import fsspec

from pipeline_lib.errors import PushBusyError
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
from pipeline_lib.serving.base_path.content import SAVED_MODEL, Content
from pipeline_lib.serving.base_path.ledger import Ledger

_LEASE = "lease-"


class RemoteBase:
    """A place that fsspec knows.

    The lock is a lease: a file of the next free number, made only if there is none yet, whose content its
    holder changes from time to time. Who sees it unchanged for `lease_seconds` of their own clock takes the
    next number. Only the holder of the highest number may go on, and looks before all that others see.

    Args:
        base: The URL.
        lease_seconds: A holder that is silent for so long is taken for dead.
    """

    def __init__(self, base: str, *, lease_seconds: float = 30.0) -> None:
        self.uri = base
        self._files, self._root = fsspec.core.url_to_fs(base)
        self._hidden = f"{self._root}/{HIDDEN}"
        self._lease_seconds = lease_seconds
        self._held: int | None = None

    @contextmanager
    def locked(self, wait_seconds: float) -> Iterator[None]:
        """Hold the lease, and show that we live, until the block ends."""
        with refused(self.uri):
            number = self._acquire(wait_seconds)
        ended = threading.Event()
        beating = threading.Thread(target=self._beat, args=(number, ended), daemon=True)
        beating.start()
        self._held = number
        try:
            yield
        finally:
            self._held = None
            ended.set()
            beating.join()
            with suppress(OSError):
                self._files.pipe_file(self._lease(number), _note(free=True))

    def require_lock(self) -> None:
        """Look whether somebody took the lease after us."""
        with refused(self.uri):
            highest = max(self._leases(), default=None)
        if self._held is None or highest != self._held:
            raise PushBusyError(
                "another push took the lock while this one was silent",
                at=self.uri,
                fix="push again; this one took nothing back that the other did",
            )

    def ask_to_make_way(self, *, asked: bool) -> None:
        """Leave a note beside the lease, or take it away."""
        with refused(self.uri), suppress(FileNotFoundError):
            if asked:
                self._files.pipe_file(f"{self._hidden}/{MAKE_WAY}", b"")
            else:
                self._files.rm(f"{self._hidden}/{MAKE_WAY}")

    def asked_to_make_way(self) -> bool:
        """Whether the note is there."""
        self._files.invalidate_cache()
        return bool(self._files.exists(f"{self._hidden}/{MAKE_WAY}"))

    def clear_leftovers(self) -> None:
        """Remove versions that never got their `saved_model.pb`."""
        for version in self.existing():
            if not self._files.exists(f"{self._root}/{version}/{SAVED_MODEL}"):
                self._files.rm(f"{self._root}/{version}", recursive=True)

    def read_ledger(self) -> Ledger:
        """The ledger, empty at first."""
        file = f"{self._hidden}/{LEDGER}"
        with refused(self.uri):
            self._files.invalidate_cache()
            return (
                parsed_ledger(self._files.cat_file(file).decode(), file)
                if self._files.exists(file)
                else Ledger()
            )

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger; object stores do this in one step."""
        self.require_lock()
        with refused(self.uri):
            self._files.makedirs(self._hidden, exist_ok=True)
            self._files.pipe_file(f"{self._hidden}/{LEDGER}", ledger.to_text().encode())

    def existing(self) -> list[int]:
        """Versions that servers see."""
        return self._numbers(self._root)

    def withdrawn(self) -> list[int]:
        """Versions that are kept out of their sight."""
        return self._numbers(f"{self._hidden}/{WITHDRAWN}")

    def matches(self, version: int, content: Content) -> bool:
        """Whether a version has files of exactly these names and sizes."""
        return self._sizes(f"{self._root}/{version}") == content.sizes

    def read(self, version: int, name: str) -> bytes | None:
        """A file of a version, or None if it has none of that name."""
        for root in (self._root, f"{self._hidden}/{WITHDRAWN}"):
            file = f"{root}/{version}/{name}"
            with refused(self.uri):
                if self._files.exists(file):
                    return bytes(self._files.cat_file(file))
        return None

    def write_version(self, version: int, source: Path, content: Content) -> None:
        """Copy in place, `saved_model.pb` last."""
        target = f"{self._root}/{version}"
        with refused(self.uri):
            try:
                for name in content.in_order():
                    if name == SAVED_MODEL:
                        reached("push-copied")
                        self.require_lock()
                    self._files.makedirs(f"{target}/{name}".rpartition("/")[0], exist_ok=True)
                    self._files.put_file(str(source / name), f"{target}/{name}")
            except BaseException:
                self.remove(version)
                raise

    def withdraw(self, version: int) -> None:
        """Copy it to where no server looks, then delete it where they do."""
        self._move(f"{self._root}/{version}", f"{self._hidden}/{WITHDRAWN}/{version}")

    def restore(self, version: int) -> None:
        """Copy it back, `saved_model.pb` last."""
        self._move(f"{self._hidden}/{WITHDRAWN}/{version}", f"{self._root}/{version}")

    def remove(self, version: int) -> None:
        """Delete a version, `saved_model.pb` first: without it no server takes it for whole."""
        with refused(self.uri):
            for root in (self._root, f"{self._hidden}/{WITHDRAWN}"):
                self._delete(f"{root}/{version}")

    def _move(self, source: str, target: str) -> None:
        self.require_lock()
        with refused(self.uri):
            sizes = self._sizes(source)
            if sizes:  # else an earlier try has moved all of it
                for name in Content(digest="", sizes=sizes).in_order():
                    self._files.makedirs(f"{target}/{name}".rpartition("/")[0], exist_ok=True)
                    self._files.cp_file(f"{source}/{name}", f"{target}/{name}")
            self._delete(source)

    def _delete(self, directory: str) -> None:
        with suppress(FileNotFoundError):
            if self._files.exists(f"{directory}/{SAVED_MODEL}"):
                self._files.rm(f"{directory}/{SAVED_MODEL}")
            if self._files.exists(directory):
                self._files.rm(directory, recursive=True)

    def _sizes(self, directory: str) -> dict[str, int]:
        root = PurePosixPath(directory)
        self._files.invalidate_cache()
        found = self._files.find(directory, detail=True)
        return {str(PurePosixPath(name).relative_to(root)): info["size"] for name, info in found.items()}

    def _numbers(self, directory: str) -> list[int]:
        with refused(self.uri):
            self._files.invalidate_cache()
            if not self._files.exists(directory):
                return []
            names = (PurePosixPath(path).name for path in self._files.ls(directory, detail=False))
            return sorted(int(name) for name in names if name.isdecimal())

    def _acquire(self, wait_seconds: float) -> int:
        self._files.makedirs(self._hidden, exist_ok=True)
        started, seen, since = time.monotonic(), b"", time.monotonic()
        while True:
            numbers = self._leases()
            highest = max(numbers, default=0)
            note = self._note_of(highest) if highest else None
            if note is None or json.loads(note).get("free") or self._is_silent(note, seen, since):
                if self._create(highest + 1):
                    for old in numbers:
                        with suppress(OSError):
                            self._files.rm(self._lease(old))
                    return highest + 1
            elif note != seen:
                seen, since = note, time.monotonic()
            if time.monotonic() - started > wait_seconds:
                raise busy(self.uri, wait_seconds)
            time.sleep(min(0.2, self._lease_seconds / 10))

    def _is_silent(self, note: bytes, seen: bytes, since: float) -> bool:
        return note == seen and time.monotonic() - since > self._lease_seconds

    def _create(self, number: int) -> bool:
        """Make the lease of that number; False if another was first."""
        try:
            self._files.pipe_file(self._lease(number), _note(), mode="create")
        except FileExistsError:
            return False
        return True

    def _beat(self, number: int, ended: threading.Event) -> None:
        while not ended.wait(self._lease_seconds / 4):
            with suppress(OSError):  # the next beat, or `require_lock`, will tell
                self._files.pipe_file(self._lease(number), _note())

    def _leases(self) -> list[int]:
        self._files.invalidate_cache()
        paths: list[str] = []
        with suppress(FileNotFoundError):  # S3 has no empty directories: without a file there is none
            paths = self._files.ls(self._hidden, detail=False)
        names = [PurePosixPath(path).name for path in paths]
        return [int(name.removeprefix(_LEASE)) for name in names if name.startswith(_LEASE)]

    def _note_of(self, number: int) -> bytes | None:
        with suppress(FileNotFoundError):
            return bytes(self._files.cat_file(self._lease(number)))
        return None

    def _lease(self, number: int) -> str:
        return f"{self._hidden}/{_LEASE}{number}"


def _note(*, free: bool = False) -> bytes:
    return json.dumps({"free": free, "mark": uuid.uuid4().hex}).encode()
