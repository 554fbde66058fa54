"""Progress of a running body: JSON lines that the child appends and the launcher follows."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Progress = Mapping[str, Any]


class ProgressWriter:
    """Appends one line per report; each is one write, so that lines of several threads do not mix."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def report(self, progress: Progress) -> None:
        """Send one report; what is not plain JSON goes as its text (a numpy float, a path)."""
        line = json.dumps(dict(progress), default=_plain, ensure_ascii=False) + "\n"
        os.write(self._descriptor, line.encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class ProgressReader:
    """Follows a file that a `ProgressWriter` appends to."""

    def __init__(self, path: Path, receive: Callable[[Progress], None] | None) -> None:
        self._path, self._receive = path, receive
        self._offset = 0

    def poll(self) -> None:
        """Hand on the lines that were completed since the last call."""
        if self._receive is None:
            return
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except FileNotFoundError:
            return
        complete = new[: new.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.splitlines():
            self._receive(json.loads(line))


def _plain(value: Any) -> Any:
    """Scalars of numpy and TensorFlow give themselves by `item()`; the rest as text."""
    item = getattr(value, "item", None)
    if callable(item):
        found = item()
        if isinstance(found, bool | int | float | str):
            return found
    return str(value)
