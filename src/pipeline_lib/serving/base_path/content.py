"""What a SavedModel directory holds, told without loading it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.hashing import digest, file_digest

SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The files of a directory.

    Attributes:
        digest: Of names and bytes.
        sizes: Bytes by path relative to the directory, `/` between parts.
    """

    digest: str
    sizes: Mapping[str, int]

    def in_order(self) -> list[str]:
        """File names in the order of copying: where `saved_model.pb` is, the rest is too."""
        return sorted(self.sizes, key=lambda name: (name == SAVED_MODEL, name))


def content_of(directory: Path) -> Content:
    """Names, sizes and digest of all files below a directory."""
    files = {
        path.relative_to(directory).as_posix(): path
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    return Content(
        digest=digest("servable", {name: file_digest(path) for name, path in files.items()}),
        sizes={name: path.stat().st_size for name, path in files.items()},
    )
