"""Artifacts on an object store through fsspec: the manifest is written last and makes the artifact exist."""

import hashlib
import posixpath
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec

from pipeline_lib.artifacts.local_copy import local_copy
from pipeline_lib.artifacts.manifest import MANIFEST_NAME, FileEntry, Manifest, describe_directory, walk_files
from pipeline_lib.artifacts.store import (
    ArtifactStore,
    Place,
    artifact_place,
    is_remote,
    local_path,
    place_of,
    place_pattern,
    staging_name,
    stale_directories,
)
from pipeline_lib.errors import ArtifactStoreError, MissingPayloadError
from pipeline_lib.faults import reached
from pipeline_lib.secrets import reveal_secret

_BLOCK = 1 << 20
_TRANSFERS = 8


class RemoteArtifactStore(ArtifactStore):
    """See `ArtifactStore`; uris are the root's URL and a path below it."""

    def __init__(self, root: str, storage_options: Mapping[str, Any], *, cache_dir: Path) -> None:
        self._root = root.rstrip("/")
        self._storage_options = storage_options
        self._cache_dir = cache_dir
        self._staging_root = cache_dir / "staging"

    def staging(self, execution_key: str) -> Path:
        """A local directory for one try's outputs; made if it is not there."""
        path = self._staging_root / staging_name(execution_key)
        with _as_store_error("make a staging directory", str(path)):
            path.mkdir(parents=True, exist_ok=True)
        return path

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
        """Upload a sealed output, manifest last; returns its uri. Repeating it changes nothing."""
        place = artifact_place(
            pipeline=pipeline, node=node, port=port, execution_id=execution_id, index=index
        )
        uri = posixpath.join(self._root, *place)
        with _as_store_error("publish", uri):
            filesystem, base = open_filesystem(uri, self._storage_options)
            if filesystem.exists(f"{base}/{MANIFEST_NAME}"):
                self._require_same(uri, manifest)
            else:

                def upload(source: str, target: str) -> None:
                    filesystem.put_file(source, target)
                    reached("uploading")

                paths = [entry.path for entry in manifest.files]
                transfer(upload, [(str(staged / path), f"{base}/{path}") for path in paths])
                reached("renaming")
                filesystem.pipe_file(f"{base}/{MANIFEST_NAME}", manifest.to_text().encode())
        reached("renamed")
        shutil.rmtree(staged, ignore_errors=True)
        return uri

    def _require_same(self, uri: str, manifest: Manifest) -> None:
        there = self.manifest(uri)
        if there.digest != manifest.digest:
            raise ArtifactStoreError(
                "another artifact was published there",
                at=uri,
                needs=manifest.digest,
                got=there.digest,
                fix="give every metadata store its own artifact root: execution ids must not repeat",
            )

    def adopt(self, uri: str, type_name: str, properties: Mapping[str, Any]) -> Manifest:
        """Hash files that exist outside the store and keep the manifest, so that `verify` knows them."""
        if is_remote(uri):
            found = describe_remote(uri, type_name, properties, self._storage_options)
        elif local_path(uri).is_dir():
            found = describe_directory(local_path(uri), type_name, properties)
        else:
            raise MissingPayloadError(
                f"there is no directory to import as {type_name}", at=uri, fix="check the path"
            )
        place = self._adopted_place(found.digest)
        with _as_store_error("keep the manifest", place):
            filesystem, path = open_filesystem(place, self._storage_options)
            filesystem.makedirs(posixpath.dirname(path), exist_ok=True)
            filesystem.pipe_file(path, found.to_text().encode())
        return found

    def _adopted_place(self, digest: str) -> str:
        return f"{self._root}/.manifests/{digest}.json"

    def manifest(self, uri: str, digest: str = "") -> Manifest:
        """The manifest of a published or adopted artifact."""
        places = [f"{uri}/{MANIFEST_NAME}"] + ([self._adopted_place(digest)] if digest else [])
        for place in places:
            with _as_store_error("read the manifest", place):
                try:
                    filesystem, path = open_filesystem(place, self._storage_options)
                    text = filesystem.cat_file(path).decode()
                except FileNotFoundError:
                    continue
            return Manifest.from_text(text, at=place)
        raise MissingPayloadError(
            f"{MANIFEST_NAME} is gone, or the artifact was never published",
            at=f"{uri}/{MANIFEST_NAME}",
            fix="run `pipeline doctor`, then run the pipeline again",
        )

    def localise(self, uri: str, digest: str) -> Path:
        """A verified local copy, made once per content digest; an adopted local directory is itself."""
        if not is_remote(uri):
            return local_path(uri)
        cached = self._cache_dir / "artifacts" / digest[:2] / digest
        if digest and cached.is_dir():
            return cached
        return local_copy(
            uri, self.manifest(uri, digest), cache_dir=self._cache_dir, storage_options=self._storage_options
        )

    def discard(self, staging: Path) -> None:
        """Delete a try's staging directory, or part of it; it may be gone already."""
        if not staging.resolve().is_relative_to(self._staging_root.resolve()):
            raise ArtifactStoreError(
                "this is not a staging directory",
                at=str(staging),
                fix=f"give a directory below {self._staging_root}",
            )
        shutil.rmtree(staging, ignore_errors=True)

    def remove(self, uri: str) -> None:
        """Delete a published artifact, manifest first, so that no reader takes the rest for whole."""
        if not uri.startswith(f"{self._root}/") or ".." in uri.split("/"):
            raise ArtifactStoreError(
                "this is not an artifact of this store", at=uri, fix=f"give a uri below {self._root}"
            )
        with _as_store_error("delete", uri):
            filesystem, base = open_filesystem(uri, self._storage_options)
            if filesystem.exists(f"{base}/{MANIFEST_NAME}"):
                filesystem.rm_file(f"{base}/{MANIFEST_NAME}")
            if filesystem.exists(base):
                filesystem.rm(base, recursive=True)

    def places(
        self, *, pipeline: str | None = None, node: str | None = None, execution_id: int | None = None
    ) -> Iterator[Place]:
        """Everything under final names, whatever the metadata store says of it."""
        with _as_store_error("list", self._root):
            filesystem, base = open_filesystem(self._root, self._storage_options)
            found = filesystem.glob(f"{base}/{place_pattern(pipeline, node, execution_id)}")
        for path in sorted(found):
            relative = posixpath.relpath(path, base)
            place = place_of(relative, posixpath.join(self._root, relative), None)
            if place is not None:
                yield place

    def stale_staging(self, older_than: timedelta) -> Sequence[Path]:
        """Staging directories in which nothing was written for that long."""
        return stale_directories(self._staging_root, older_than)

    def _sizes(self, uri: str) -> Mapping[str, int]:
        if not is_remote(uri):
            return dict(walk_files(local_path(uri)))
        return remote_sizes(uri, self._storage_options)

    def _file_digest(self, uri: str, path: str) -> str:
        return remote_file_digest(uri, path, self._storage_options)


def open_filesystem(uri: str, storage_options: Mapping[str, Any]) -> tuple[Any, str]:
    """The fsspec filesystem of a uri, and the path on it.

    Raises:
        ArtifactStoreError: There is no filesystem of that kind, or its package is not installed.
    """
    try:
        filesystem, path = fsspec.core.url_to_fs(uri, **revealed(dict(storage_options)))
    except (ImportError, ValueError) as error:
        raise ArtifactStoreError(
            f"this place cannot be opened: {error}",
            at=uri,
            fix="write the kind as fsspec does (s3://, gs://) and install its extra, [s3] or [gcs]",
        ) from error
    # Another process may have written since this one listed; listings are small and rare here.
    filesystem.invalidate_cache()
    return filesystem, path


def revealed(options: Any) -> Any:
    """Options with every secret's reference replaced by the secret."""
    if isinstance(options, dict):
        return {name: revealed(value) for name, value in options.items()}
    if isinstance(options, str) and re.match(r"env:\w+$|file:/(?!/)", options):
        return reveal_secret(options)
    return options


def transfer(copy: Callable[[str, str], Any], pairs: Sequence[tuple[str, str]]) -> None:
    """Copy several files at once, from and to as `copy` has it; the first error is raised when all ended.

    Fsspec's own way of copying many leaves the other errors to asyncio, which prints them.
    """
    with ThreadPoolExecutor(_TRANSFERS) as pool:
        for _ in pool.map(lambda pair: copy(*pair), pairs):
            pass


def remote_sizes(uri: str, storage_options: Mapping[str, Any]) -> dict[str, int]:
    """Size by relative path of every file below a uri, the manifest left out."""
    filesystem, base = open_filesystem(uri, storage_options)
    found = filesystem.find(base, detail=True)
    sizes = {posixpath.relpath(path, base): int(info["size"]) for path, info in found.items()}
    sizes.pop(MANIFEST_NAME, None)
    return sizes


def remote_file_digest(uri: str, path: str, storage_options: Mapping[str, Any]) -> str:
    """Sha256 of one file below a uri."""
    filesystem, base = open_filesystem(uri, storage_options)
    seen = hashlib.sha256()
    with filesystem.open(f"{base}/{path}", "rb") as file:
        while block := file.read(_BLOCK):
            seen.update(block)
    return seen.hexdigest()


def describe_remote(
    uri: str, type_name: str, properties: Mapping[str, Any], storage_options: Mapping[str, Any]
) -> Manifest:
    """Hash what is below a remote uri.

    Raises:
        MissingPayloadError: There is nothing.
    """
    with _as_store_error("read", uri):
        sizes = remote_sizes(uri, storage_options)
        if not sizes:
            raise MissingPayloadError(
                f"there is nothing to import as {type_name}", at=uri, fix="check the uri"
            )
        return Manifest(
            type_name=type_name,
            properties=dict(properties),
            files=tuple(
                FileEntry(path=path, size=size, sha256=remote_file_digest(uri, path, storage_options))
                for path, size in sorted(sizes.items())
            ),
        )


@contextmanager
def _as_store_error(action: str, uri: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtifactStoreError(
            f"cannot {action}: {error}", at=uri, fix="check the bucket, the credentials and the network"
        ) from error
