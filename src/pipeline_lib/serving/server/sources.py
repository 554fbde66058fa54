"""Where versions come from: directories as they are, or local copies of what fsspec reads."""

import hashlib
import shutil
import uuid
from pathlib import Path
from typing import Protocol

import fsspec

from pipeline_lib.serving.versions import versions_in

_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")


class Source(Protocol):
    """The base paths of models."""

    def present(self, base_path: str) -> list[int]:
        """Versions that are whole, ascending.

        Raises:
            OSError: The base path cannot be read now.
        """

    def fetch(self, base_path: str, version: int) -> Path:
        """A directory of this machine with a version.

        Raises:
            OSError: It cannot be read.
        """

    def forget(self, base_path: str, version: int) -> None:
        """A version is no longer served from here."""


class Sources:
    """Directories as they are; of other places, copies in a cache.

    Args:
        cache: Where copies go; what is there from before is used if it is whole.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def present(self, base_path: str) -> list[int]:
        """Versions that hold a SavedModel, ascending."""
        if _is_local(base_path):
            return versions_in(_local(base_path))
        files, root = fsspec.core.url_to_fs(base_path)
        files.invalidate_cache()
        if not files.isdir(root):
            return []
        names = (path.rstrip("/").rpartition("/")[2] for path in files.ls(root, detail=False))
        return sorted(
            int(name)
            for name in names
            if name.isdecimal() and any(files.exists(f"{root}/{name}/{file}") for file in _MODEL_FILES)
        )

    def fetch(self, base_path: str, version: int) -> Path:
        """The version's directory, copied first if it is elsewhere."""
        if _is_local(base_path):
            return Path(_local(base_path)) / str(version)
        copy = self._copy(base_path, version)
        if copy.is_dir():
            return copy
        files, root = fsspec.core.url_to_fs(base_path)
        incoming = copy.parent / f".incoming-{version}-{uuid.uuid4().hex[:8]}"
        origin = f"{root}/{version}"
        try:
            for path in files.find(origin):
                target = incoming / path.removeprefix(origin).lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(path, str(target))
            incoming.rename(copy)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
        return copy

    def forget(self, base_path: str, version: int) -> None:
        """Delete the copy, if there is one."""
        if not _is_local(base_path):
            shutil.rmtree(self._copy(base_path, version), ignore_errors=True)

    def _copy(self, base_path: str, version: int) -> Path:
        name = hashlib.sha256(base_path.encode()).hexdigest()[:16]
        return self._cache / name / str(version)


def _is_local(base_path: str) -> bool:
    return "://" not in base_path or base_path.startswith("file://")


def _local(base_path: str) -> str:
    return base_path.removeprefix("file://")
