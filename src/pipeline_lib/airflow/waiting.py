"""Waiting for outside data in the triggerer: the task gives its worker slot back until it is there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

_LOG = logging.getLogger(__name__)


class DataArrived(BaseTrigger):
    """Fires when every glob matches something, or at the deadline; without globs after one interval.

    Args:
        awaits: Globs, as fsspec reads them.
        poll_seconds: Between two looks; the first is after as long.
        until: Deadline, ISO 8601 with time zone.
    """

    def __init__(self, *, awaits: Sequence[str], poll_seconds: float, until: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.awaits = list(awaits)
        self.poll_seconds = poll_seconds
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it anew."""
        arguments = {"awaits": self.awaits, "poll_seconds": self.poll_seconds, "until": self.until}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is there or too late."""
        deadline = datetime.fromisoformat(self.until)
        while True:
            left = (deadline - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(max(0.0, min(self.poll_seconds, left)))
            # In a thread: a slow disk or bucket must not hold up the other triggers.
            there = not self.awaits or await asyncio.to_thread(all_there, self.awaits)
            if there or datetime.now(UTC) >= deadline:
                yield TriggerEvent({"there": there})  # type: ignore[no-untyped-call]
                return


def all_there(globs: Sequence[str]) -> bool:
    """Whether every glob matches something; a place that does not answer now holds nothing now."""
    from fsspec.core import url_to_fs

    for text in globs:
        try:
            files, path = url_to_fs(text)
            files.invalidate_cache()
            if not files.glob(path):
                return False
        except OSError as error:
            _LOG.warning("%s cannot be looked at: %s", text, error)
            return False
    return True
