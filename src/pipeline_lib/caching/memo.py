"""Facts about source files and folders, remembered by what `stat` says.

They are remembered in the process; those about files also in the state directory, for the next one.
"""

import hashlib
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from pipeline_lib.caching.imports import SourceFacts, facts_of

_VERSION = 3  # of what is remembered; another one starts anew
_SETTLED_NS = 2_000_000_000  # a file may change twice within one tick of a coarse clock
_MOST_ENTRIES = 20_000

Signature = tuple[int, int, int, int]


class SourceMemo:
    """Digest and imports of files, read again only when a file's time, size or inode has changed.

    Args:
        directory: Where the memo is kept between processes; None: nowhere. A directory that cannot be
            written costs time, nothing else.
    """

    def __init__(self, directory: Path | None) -> None:
        self._file = directory / "sources.json" if directory is not None else None
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Signature, SourceFacts]] = {}
        self._names: dict[str, tuple[Signature, frozenset[str]]] = {}
        self._stored: dict[str, list[Any]] = self._load()
        self._changed = False

    def facts(self, file: str) -> SourceFacts:
        """Facts about a file; only a `.py` has imports.

        Raises:
            OSError: The file cannot be read.
        """
        signature = _signature(os.stat(file))  # noqa: PTH116  paths are strings here: a scan makes thousands
        known = self._known.get(file)
        if known is not None and known[0] == signature:
            return known[1]
        stored = self._stored.get(file)
        if stored is not None and tuple(stored[0]) == signature:
            facts = SourceFacts.from_json(stored[1])
        else:
            facts = _read(file)
            if not _is_settled(signature):
                return facts
            self._changed = True
        self._known[file] = (signature, facts)
        return facts

    def names(self, directory: str) -> frozenset[str]:
        """Names in a directory; none if there is no such directory."""
        try:
            signature = _signature(os.stat(directory))  # noqa: PTH116
        except OSError:
            return frozenset()
        known = self._names.get(directory)
        if known is not None and known[0] == signature:
            return known[1]
        names = names_in(directory)
        if _is_settled(signature):
            self._names[directory] = (signature, names)
        return names

    def save(self) -> None:
        """Write what is new for the next process; two writers at once lose nothing but time."""
        if self._file is None or not self._changed:
            return
        with self._lock:
            self._changed = False
            fresh = {file: [list(sig), facts.as_json()] for file, (sig, facts) in list(self._known.items())}
            kept = self._stored if len(self._stored) < _MOST_ENTRIES else {}
            self._stored = {**kept, **fresh}
            write_json(self._file, {"version": _VERSION, "files": self._stored})

    def _load(self) -> dict[str, list[Any]]:
        record = read_json(self._file) if self._file is not None else None
        if not isinstance(record, dict) or record.get("version") != _VERSION:
            return {}
        files: dict[str, list[Any]] = record.get("files", {})
        return files


def names_in(directory: str) -> frozenset[str]:
    """Names in a directory; none if there is no such directory."""
    try:
        return frozenset(os.listdir(directory))  # noqa: PTH208  thousands of look-ups, strings
    except OSError:
        return frozenset()


def read_json(file: Path) -> Any:
    """What a memo file holds, or None if it is absent or damaged."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None


def write_json(file: Path, value: Any) -> None:
    """Replace a memo file in one step; a memo that cannot be kept is done without."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(value, separators=(",", ":")))  # `dump` writes bit by bit, in Python
        Path(name).replace(file)
    except OSError:
        return


def _signature(status: os.stat_result) -> Signature:
    # The change time too: `cp -p` and `rsync -t` bring old modification times along.
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def _is_settled(signature: Signature) -> bool:
    return time.time_ns() - max(signature[0], signature[1]) >= _SETTLED_NS


def _read(file: str) -> SourceFacts:
    content = Path(file).read_bytes()
    if file.endswith(".py"):
        return facts_of(content)
    return SourceFacts(digest=hashlib.sha256(content).hexdigest())
