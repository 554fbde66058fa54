"""A child's output in the task's log, while it is written, with its levels and fields."""

import contextvars
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import structlog

from pipeline_lib.runtime.log_lines import LineReader
from pipeline_lib.runtime.results import Event, NodeProgress, NodeStep

if TYPE_CHECKING:
    from pathlib import Path

_POLL_SECONDS = 0.2
# Structlog's own.
_TAKEN = {"event", "level", "logger", "timestamp", "exc_info", "stack_info", "positional_args"}


class ChildLog:
    """Observes a launcher, and logs what the child of its node writes to its log file.

    A child writes to a file and not to a pipe of ours: it outlives us no longer than the host lets it, and
    the file is there when we are not.

    Args:
        name: Of the logger; a child's own loggers come after it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines = LineReader()
        self._file: Path | None = None
        self._position = 0
        self._rest = b""
        self._closed = threading.Event()
        # In this context, which holds the fields that Airflow puts on each line of a task.
        follow = contextvars.copy_context()
        self._thread = threading.Thread(target=follow.run, args=[self._follow], daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._thread.join()
        if self._rest:
            self._log(self._rest)

    def observe(self, event: Event) -> None:
        """What the launcher calls."""
        if isinstance(event, NodeStep):
            if event.log is not None:
                self._position = event.log.stat().st_size if event.log.exists() else 0
                self._file = event.log
            self._logger().info(f"{event.step}: {event.detail}" if event.detail else str(event.step))
        elif isinstance(event, NodeProgress):
            self._logger().info("progress", **_fields(event.progress))

    def _follow(self) -> None:
        while not self._closed.wait(_POLL_SECONDS):
            self._read()
        self._read()

    def _read(self) -> None:
        if self._file is None:
            return
        try:
            with self._file.open("rb") as file:
                file.seek(self._position)
                new = file.read()
        except FileNotFoundError:
            return
        self._position += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            self._log(line)

    def _log(self, line: bytes) -> None:
        found = self._lines.read(line.decode(errors="replace").rstrip())
        if found.text or found.fields:
            self._logger(found.logger).log(found.level, found.text, **_fields(found.fields))

    def _logger(self, below: str = "") -> Any:
        return structlog.get_logger(f"{self._name}.{below}" if below else self._name)


def _fields(given: Any) -> dict[str, Any]:
    """Those that structlog does not use itself, under their names; the others with an underline behind."""
    return {f"{name}_" if name in _TAKEN else str(name): value for name, value in given.items()}
