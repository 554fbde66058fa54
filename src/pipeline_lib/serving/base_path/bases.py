"""What the base path of one model can do, whatever keeps it; and how its refusals are told."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from pipeline_lib.errors import PushBusyError, PushFailedError
from pipeline_lib.serving.base_path.content import Content
from pipeline_lib.serving.base_path.ledger import Ledger

# TF Serving takes directories with integer names for versions and passes over all others.
HIDDEN = ".push"
LEDGER = "ledger.json"
WITHDRAWN = "withdrawn"
MAKE_WAY = "make-way"


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
