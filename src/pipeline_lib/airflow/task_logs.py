"""A child's output in the task's log, while it is written."""

import contextvars
import json
import logging
import re
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipeline_lib.runtime.results import Event, NodeProgress, NodeStep

if TYPE_CHECKING:
    from pathlib import Path

_POLL_SECONDS = 0.2
# What a child's own logging writes: time, level, logger, text.
_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]+) ([\w.-]+): (.*)")


class ChildLog:
    """Observes a launcher, and logs what the child of its node writes to its log file.

    A child writes to a file and not to a pipe of ours: it outlives us no longer than the host lets it, and
    the file is there when we are not.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
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
            self._logger.info("%s%s", event.step, f": {event.detail}" if event.detail else "")
        elif isinstance(event, NodeProgress):
            self._logger.info("progress %s", json.dumps(dict(event.progress), default=str))

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
        text = line.decode(errors="replace").rstrip()
        if found := _RECORD.fullmatch(text):
            level = logging.getLevelNamesMapping().get(found[1], logging.INFO)
            self._logger.getChild(found[2]).log(level, "%s", found[3])
        elif text:
            self._logger.info("%s", text)
