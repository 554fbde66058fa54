"""What a server is told of a model, and which of the versions on its base path it serves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path


class VersionState(IntEnum):
    """States of one version, with TensorFlow Serving's numbers."""

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStatus:
    """One version as a server tells of it.

    Attributes:
        error_code: Name of a gRPC status code; `OK` if nothing went wrong.
        error_message: Why it is not available, or "".
    """

    version: int
    state: VersionState
    error_code: str = "OK"
    error_message: str = ""


@dataclass(frozen=True, slots=True)
class Latest:
    """Serve the versions with the highest numbers."""

    count: int = 1

    def choose(self, versions: Collection[int]) -> list[int]:
        """Of the versions that are there, those to serve, ascending."""
        return sorted(versions)[-self.count :]


@dataclass(frozen=True, slots=True)
class Specific:
    """Serve these versions: how one pins, rolls back and compares."""

    versions: tuple[int, ...]

    def choose(self, versions: Collection[int]) -> list[int]:
        """Of the versions that are there, those to serve, ascending."""
        return sorted(set(versions) & set(self.versions))


@dataclass(frozen=True, slots=True)
class All:
    """Serve every version."""

    def choose(self, versions: Collection[int]) -> list[int]:
        """Of the versions that are there, those to serve, ascending."""
        return sorted(versions)


VersionPolicy = Latest | Specific | All


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """One model of a server.

    Attributes:
        base_path: A local directory whose sub-directories with integer names are versions.
        labels: Version by label (`stable`, `canary`).
    """

    name: str
    base_path: str
    policy: VersionPolicy = Latest()
    labels: Mapping[str, int] = field(default_factory=dict)


def versions_in(base_path: str) -> list[int]:
    """Versions that are whole: directories with integer names that hold a SavedModel, ascending.

    A directory without `saved_model.pb` is one that is still being copied.
    """
    root = Path(base_path)
    if not root.is_dir():
        return []
    names = ("saved_model.pb", "saved_model.pbtxt")
    return sorted(
        int(path.name)
        for path in root.iterdir()
        if path.name.isdecimal() and any((path / name).is_file() for name in names)
    )
