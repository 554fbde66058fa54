"""The artifact store: staging, atomic publishing, verification and local copies of artifacts' files."""

import glob
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline_lib.artifacts.manifest import FileEntry, Manifest, seal_directory
from pipeline_lib.errors import (
    ArtifactStoreError,
    CorruptPayloadError,
    MissingPayloadError,
)
from pipeline_lib.hashing import digest as make_digest

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*(://|::)")


def is_remote(uri: str) -> bool:
    """Whether a root or uri needs fsspec; plain paths and `file://` do not."""
    return bool(_SCHEME.match(uri)) and not uri.startswith("file://")


def local_path(uri: str) -> Path:
    """The path of a local root or uri."""
    return Path(uri.removeprefix("file://"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What one execution put under one port's final name, recorded or not, whole or not.

    Attributes:
        uri: Its own artifact's uri, or the directory around those of a list.
        written_at: UTC; None where the store does not tell.
    """

    pipeline: str
    node: str
    port: str
    execution_id: int
    uri: str
    written_at: datetime | None


class ArtifactStore(ABC):
    """Where artifacts' files are. A reader never sees a partial artifact.

    Uris follow TFX: `<root>/<pipeline>/<node>/<port>/<execution id>[/<index>]`.
    """

    @abstractmethod
    def staging(self, execution_key: str) -> Path:
        """A local directory for one try's outputs; made if it is not there."""

    def seal(self, staged: Path, type_name: str, properties: Mapping[str, Any]) -> Manifest:
        """Hash a staged output.

        Args:
            staged: A directory inside `staging(...)`.
            type_name: Name of the artifact's type.
            properties: Plain JSON by name.

        Raises:
            MissingPayloadError: The directory is gone.
            UnsafePayloadError: It holds something that must not be published.
        """
        if not staged.is_dir():
            raise MissingPayloadError(
                f"the output {type_name} has no directory",
                at=str(staged),
                fix="do not move or delete the directory that `new` made",
            )
        return seal_directory(staged, type_name, properties)

    @abstractmethod
    def publish(
        self,
        staged: Path,
        manifest: Manifest,
        *,
        pipeline: str,
        node: str,
        port: str,
        execution_id: int | str,
        index: int | None = None,
    ) -> str:
        """Put a sealed output in its final place; returns its uri. Repeating it changes nothing.

        Raises:
            ArtifactStoreError: There is another artifact at the uri, or the store refused the write.
        """

    @abstractmethod
    def adopt(self, uri: str, type_name: str, properties: Mapping[str, Any]) -> Manifest:
        """Hash files that exist outside the store and keep the manifest, so that `verify` knows them.

        Raises:
            MissingPayloadError: There is nothing at the uri.
            UnsafePayloadError: There is something that must not be used.
        """

    @abstractmethod
    def manifest(self, uri: str, digest: str = "") -> Manifest:
        """The manifest of a published or adopted artifact.

        Args:
            uri: Where the artifact is.
            digest: Its content digest; needed for adopted ones.

        Raises:
            MissingPayloadError: There is none.
            CorruptPayloadError: It was changed.
        """

    def verify(self, uri: str, digest: str, *, full: bool = False) -> None:
        """Check that an artifact's files are as its manifest says.

        Args:
            uri: Where it is.
            digest: Content digest that it must have; "" accepts any.
            full: Also hash every file; otherwise names and sizes are compared.

        Raises:
            MissingPayloadError: A file is gone, is one too many, or has another size.
            CorruptPayloadError: A file, or the manifest, has other content.
        """
        manifest = self.manifest(uri, digest)
        if digest and manifest.digest != digest:
            raise CorruptPayloadError(
                f"another {manifest.type_name} than recorded is there",
                at=uri,
                needs=digest,
                got=manifest.digest,
                fix="run `pipeline doctor`",
            )
        require_same_files(uri, manifest.files, self._sizes(uri))
        if full:
            for entry in manifest.files:
                require_same_content(uri, entry, self._file_digest(uri, entry.path))

    @abstractmethod
    def localise(self, uri: str, digest: str) -> Path:
        """A local directory with the artifact's files: its own, or a verified copy.

        Raises:
            MissingPayloadError: The files are gone.
            CorruptPayloadError: What was read is not what was published.
        """

    @abstractmethod
    def discard(self, staging: Path) -> None:
        """Delete a try's staging directory, or part of it; it may be gone already."""

    @abstractmethod
    def remove(self, uri: str) -> None:
        """Delete a published artifact, manifest first; it may be gone already.

        Raises:
            ArtifactStoreError: The uri is not one of this store's.
        """

    @abstractmethod
    def places(
        self, *, pipeline: str | None = None, node: str | None = None, execution_id: int | None = None
    ) -> Iterator[Place]:
        """Everything under final names, whatever the metadata store says of it; unset fields do not restrict.

        Raises:
            ArtifactStoreError: The store refused to list.
        """

    @abstractmethod
    def stale_staging(self, older_than: timedelta) -> Sequence[Path]:
        """Staging directories in which nothing was written for that long."""

    @abstractmethod
    def _sizes(self, uri: str) -> Mapping[str, int]:
        """Size by relative path of what is at the uri, the manifest left out."""

    @abstractmethod
    def _file_digest(self, uri: str, path: str) -> str:
        """Sha256 of one file."""


def open_artifact_store(
    root: str, storage_options: Mapping[str, Any] | None = None, *, cache_dir: Path
) -> ArtifactStore:
    """The store of a root directory or fsspec URL.

    Args:
        root: `.pipeline/artifacts`, `s3://bucket/prefix`, `gs://...`, `memory://...`.
        storage_options: As fsspec takes them; values that are secret references (`env:NAME`,
            `file:/path`) are replaced by the secret.
        cache_dir: Local directory for copies of remote artifacts and for staging before upload.
    """
    if is_remote(root):
        from pipeline_lib.artifacts.remote_store import RemoteArtifactStore

        return RemoteArtifactStore(root, storage_options or {}, cache_dir=cache_dir)
    from pipeline_lib.artifacts.local_store import LocalArtifactStore

    return LocalArtifactStore(local_path(root), storage_options or {}, cache_dir=cache_dir)


def artifact_place(
    *, pipeline: str, node: str, port: str, execution_id: int | str, index: int | None
) -> tuple[str, ...]:
    """The segments of an artifact's uri below the root.

    Raises:
        ArtifactStoreError: One of them cannot be a directory's name.
    """
    parts = (pipeline, node, port, str(execution_id), *(() if index is None else (str(index),)))
    for part in parts:
        if part in ("", ".", "..") or part.startswith(".") or "/" in part or "\0" in part:
            raise ArtifactStoreError(
                f"{part!r} cannot be a directory of the artifact store",
                at="/".join(parts),
                fix="name pipelines, nodes and ports with letters, digits, '-' and '_'",
            )
    return parts


def place_pattern(pipeline: str | None, node: str | None, execution_id: int | None) -> str:
    """The glob of `ArtifactStore.places`, relative to the root; a looped node's name holds brackets."""
    parts = (pipeline, node, None, None if execution_id is None else str(execution_id))
    return "/".join("*" if part is None else glob.escape(part) for part in parts)


def place_of(relative: str, uri: str, written_at: datetime | None) -> Place | None:
    """The place of a path below the root; None for what no execution was given as its place."""
    parts = relative.split("/")
    if len(parts) != 4 or any(part.startswith(".") for part in parts) or not parts[3].isdecimal():
        return None
    pipeline, node, port, execution_id = parts
    return Place(
        pipeline=pipeline,
        node=node,
        port=port,
        execution_id=int(execution_id),
        uri=uri,
        written_at=written_at,
    )


def staging_name(execution_key: str) -> str:
    """A directory name for an execution's key: itself if it can be one, otherwise with a digest."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.=+@-]{0,150}", execution_key):
        return execution_key
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", execution_key)[:100]
    return f"{readable}-{make_digest('staging', execution_key)[:16]}"


def stale_directories(staging_root: Path, older_than: timedelta) -> list[Path]:
    """Directories directly below `staging_root` in which nothing was written for that long."""
    if not staging_root.is_dir():
        return []
    limit = time.time() - older_than.total_seconds()
    return sorted(path for path in staging_root.iterdir() if _last_write(path) <= limit)


def _last_write(path: Path) -> float:
    """Latest change below; entries that vanish meanwhile are being worked on."""
    latest = path.lstat().st_mtime
    for directory, _, names in os.walk(path):
        for name in (".", *names):
            try:
                latest = max(latest, Path(directory, name).lstat().st_mtime)
            except FileNotFoundError:
                return time.time()
    return latest


def require_same_files(uri: str, expected: Iterable[FileEntry], found: Mapping[str, int]) -> None:
    """Compare names and sizes.

    Raises:
        MissingPayloadError: They differ; the first file that does is named.
    """
    remaining = dict(found)
    for entry in expected:
        size = remaining.pop(entry.path, None)
        if size != entry.size:
            raise MissingPayloadError(
                f"{entry.path} is gone" if size is None else f"{entry.path} has another size",
                at=f"{uri}/{entry.path}",
                needs=f"{entry.size} bytes",
                got=None if size is None else f"{size} bytes",
                fix="run `pipeline doctor`, then run the pipeline again",
            )
    for path in sorted(remaining):
        raise MissingPayloadError(
            f"{path} was added after publishing",
            at=f"{uri}/{path}",
            fix="delete it, or run `pipeline doctor`",
        )


def require_same_content(uri: str, entry: FileEntry, sha256: str) -> None:
    """Compare one file's digest.

    Raises:
        CorruptPayloadError: It differs.
    """
    if sha256 != entry.sha256:
        raise CorruptPayloadError(
            f"{entry.path} has other content than was published",
            at=f"{uri}/{entry.path}",
            needs=entry.sha256,
            got=sha256,
            fix="run `pipeline doctor`, then run the pipeline again",
        )
