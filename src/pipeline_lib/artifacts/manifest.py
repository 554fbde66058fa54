"""What an artifact consists of: every file with size and sha256, and one content digest over all of it."""

import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipeline_lib.errors import CorruptPayloadError, UnsafePayloadError
from pipeline_lib.hashing import canonical_json, digest, file_digest

MANIFEST_NAME = ".manifest.json"
MANIFEST_VERSION = 1

_HASH_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of an artifact.

    Attributes:
        path: Relative to the artifact's directory, with forward slashes.
        size: Bytes.
        sha256: Hex digest of the content.
    """

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of one artifact.

    Attributes:
        type_name: Name of the artifact's type.
        properties: The artifact's properties as plain JSON.
        files: Sorted by path.
    """

    type_name: str
    properties: Mapping[str, Any]
    files: tuple[FileEntry, ...]

    @property
    def digest(self) -> str:
        """Content digest, hex: equal for equal type, properties and files, wherever they are."""
        return digest("artifact", self._content())

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)

    def to_text(self) -> str:
        """The text of `.manifest.json`."""
        return canonical_json({"version": MANIFEST_VERSION, "digest": self.digest, **self._content()})

    @classmethod
    def from_text(cls, text: str, *, at: str) -> Self:
        """Read `.manifest.json` back.

        Args:
            text: What `to_text` gave.
            at: Where it was read, for the error.

        Raises:
            CorruptPayloadError: The text is no manifest, or its digest is not that of its content.
        """
        try:
            record = json.loads(text)
            found = cls(
                type_name=record["type"],
                properties=record["properties"],
                files=tuple(FileEntry(**entry) for entry in record["files"]),
            )
            stated = record["digest"]
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptPayloadError(
                f"{MANIFEST_NAME} cannot be read", at=at, got=error, fix="run `pipeline doctor`"
            ) from error
        if found.digest != stated:
            raise CorruptPayloadError(
                f"{MANIFEST_NAME} was changed after publishing",
                at=at,
                needs=stated,
                got=found.digest,
                fix="run `pipeline doctor`",
            )
        return found

    def _content(self) -> dict[str, Any]:
        return {
            "type": self.type_name,
            "properties": dict(self.properties),
            "files": [
                {"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in self.files
            ],
        }


def seal_directory(directory: Path, type_name: str, properties: Mapping[str, Any]) -> Manifest:
    """Hash a staged directory. Links that stay inside it are replaced by what they point to.

    Raises:
        UnsafePayloadError: It holds a link that leads out, a device, a socket, a pipe, a name that is
            not text, or a file of the manifest's name.
    """
    _replace_inner_links(directory)
    return describe_directory(directory, type_name, properties)


def describe_directory(directory: Path, type_name: str, properties: Mapping[str, Any]) -> Manifest:
    """Hash a directory and change nothing; a manifest already there is not part of the content.

    Raises:
        UnsafePayloadError: As for `seal_directory`, and for any link.
    """
    found = sorted(walk_files(directory), key=lambda item: item[0])
    with ThreadPoolExecutor(_HASH_THREADS) as pool:
        digests = list(pool.map(lambda item: file_digest(directory / item[0]), found))
    return Manifest(
        type_name=type_name,
        properties=dict(properties),
        files=tuple(
            FileEntry(path=path, size=size, sha256=sha)
            for (path, size), sha in zip(found, digests, strict=True)
        ),
    )


def walk_files(directory: Path) -> Iterator[tuple[str, int]]:
    """Relative path and size of every file below, the manifest left out.

    Raises:
        UnsafePayloadError: Something below is neither a plain file nor a directory.
    """
    pending = [directory]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                relative = path.relative_to(directory).as_posix()
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                elif entry.is_file(follow_symlinks=False):
                    if relative != MANIFEST_NAME:
                        yield _as_text(relative, directory), entry.stat(follow_symlinks=False).st_size
                else:
                    raise _unsafe(path, _what_it_is(path))


def _replace_inner_links(directory: Path) -> None:
    """A link would dangle after the rename (if absolute) or on an object store (always)."""
    root = directory.resolve()
    for path in sorted(directory.rglob("*")):
        if not path.is_symlink():
            continue
        target = path.resolve()
        if not target.is_relative_to(root) or path.parent.resolve().is_relative_to(target):
            raise _unsafe(path, f"a link to {path.readlink()}")
        if not target.exists():
            raise _unsafe(path, f"a link to {path.readlink()}, which does not exist")
        copy = path.with_name(f"{path.name}.copy")
        if target.is_dir():
            shutil.copytree(target, copy, symlinks=True)
        else:
            shutil.copy2(target, copy)
        path.unlink()
        copy.rename(path)


def _as_text(relative: str, directory: Path) -> str:
    try:
        relative.encode()
    except UnicodeEncodeError as error:
        raise _unsafe(directory, f"a file name that is not UTF-8: {relative!r}") from error
    return relative


def _what_it_is(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"a link to {path.readlink()}"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device"


def _unsafe(path: Path, what: str) -> UnsafePayloadError:
    return UnsafePayloadError(
        f"an output holds {what}", at=str(path), fix="write plain files into the output's directory"
    )
