"""Artifacts in a local (or mounted) directory: published by one rename."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline_lib.artifacts.manifest import MANIFEST_NAME, Manifest, describe_directory, walk_files
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
from pipeline_lib.hashing import file_digest

_SYNC_THREADS = 16


class LocalArtifactStore(ArtifactStore):
    """See `ArtifactStore`; uris are absolute paths."""

    def __init__(self, root: Path, storage_options: Mapping[str, Any], *, cache_dir: Path) -> None:
        self._root = root.absolute()
        self._staging_root = self._root / ".staging"
        self._adopted = self._root / ".manifests"
        self._storage_options = storage_options
        self._cache_dir = cache_dir

    def staging(self, execution_key: str) -> Path:
        """A local directory for one try's outputs; made if it is not there."""
        path = self._staging_root / staging_name(execution_key)
        with _as_store_error("make a staging directory", path):
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
        """Put a sealed output in its final place; returns its uri. Repeating it changes nothing."""
        place = artifact_place(
            pipeline=pipeline, node=node, port=port, execution_id=execution_id, index=index
        )
        target = self._root.joinpath(*place)
        if not staged.exists() and self._holds(target, manifest):
            return str(target)
        with _as_store_error("publish", target):
            # The directory of `new` is private to the executor's user, and a body may have made it read-only.
            staged.chmod(0o755)
            (staged / MANIFEST_NAME).write_text(manifest.to_text(), encoding="utf-8")
            _sync_tree(staged)
            reached("renaming")
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                staged.rename(target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                if not self._holds(target, manifest):
                    raise ArtifactStoreError(
                        "another artifact is there already: this root belongs to another metadata store",
                        at=str(target),
                        fix="keep a metadata store and its artifact root together: delete both, or neither",
                    ) from error
                shutil.rmtree(staged)
            reached("renamed")
            _sync_all([target, *target.parents][: len(place) + 1])
        return str(target)

    def adopt(self, uri: str, type_name: str, properties: Mapping[str, Any]) -> Manifest:
        """Hash files that exist outside the store and keep the manifest, so that `verify` knows them."""
        if is_remote(uri):
            from pipeline_lib.artifacts.remote_store import describe_remote

            found = describe_remote(uri, type_name, properties, self._storage_options)
        else:
            path = local_path(uri)
            if not path.is_dir():
                raise MissingPayloadError(
                    f"there is no directory to import as {type_name}", at=uri, fix="check the path"
                )
            found = describe_directory(path, type_name, properties)
        with _as_store_error("keep the manifest", self._adopted):
            self._adopted.mkdir(parents=True, exist_ok=True)
            _write_atomically(self._adopted / f"{found.digest}.json", found.to_text())
        return found

    def manifest(self, uri: str, digest: str = "") -> Manifest:
        """The manifest of a published or adopted artifact."""
        places = [self._adopted / f"{digest}.json"] if digest else []
        if not is_remote(uri):
            places.insert(0, local_path(uri) / MANIFEST_NAME)
        for place in places:
            with suppress(FileNotFoundError, NotADirectoryError):
                return Manifest.from_text(place.read_text(encoding="utf-8"), at=str(place))
        raise MissingPayloadError(
            f"{MANIFEST_NAME} is gone, or the artifact was never published",
            at=f"{uri}/{MANIFEST_NAME}",
            fix="run `pipeline doctor`, then run the pipeline again",
        )

    def localise(self, uri: str, digest: str) -> Path:
        """The directory itself; an adopted remote artifact is copied."""
        if is_remote(uri):
            from pipeline_lib.artifacts.local_copy import local_copy

            return local_copy(
                uri,
                self.manifest(uri, digest),
                cache_dir=self._cache_dir,
                storage_options=self._storage_options,
            )
        path = local_path(uri)
        if not path.is_dir():
            raise MissingPayloadError(
                "the artifact has no files", at=uri, fix="run `pipeline doctor`, then run the pipeline again"
            )
        return path

    def discard(self, staging: Path) -> None:
        """Delete a try's staging directory, or part of it; it may be gone already."""
        _require_below(staging, self._staging_root, "a staging directory")
        with suppress(OSError):
            _remove_tree(staging)

    def remove(self, uri: str) -> None:
        """Delete a published artifact; readers see it whole or not at all."""
        path = local_path(uri).absolute()
        _require_below(path, self._root, "an artifact of this store")
        with _as_store_error("remove", path):
            self._staging_root.mkdir(parents=True, exist_ok=True)
            grave = Path(tempfile.mkdtemp(prefix="removed-", dir=self._staging_root))
            with suppress(FileNotFoundError):
                path.rename(grave / "artifact")
            _remove_tree(grave)

    def places(
        self, *, pipeline: str | None = None, node: str | None = None, execution_id: int | None = None
    ) -> Iterator[Place]:
        """Everything under final names, whatever the metadata store says of it."""
        for path in self._root.glob(place_pattern(pipeline, node, execution_id)):
            with suppress(FileNotFoundError):  # its own execution is removing it
                written = datetime.fromtimestamp(path.lstat().st_mtime, tz=UTC)
                place = place_of(path.relative_to(self._root).as_posix(), str(path), written)
                if place is not None:
                    yield place

    def stale_staging(self, older_than: timedelta) -> Sequence[Path]:
        """Staging directories in which nothing was written for that long."""
        return stale_directories(self._staging_root, older_than)

    def _sizes(self, uri: str) -> Mapping[str, int]:
        if is_remote(uri):
            from pipeline_lib.artifacts.remote_store import remote_sizes

            return remote_sizes(uri, self._storage_options)
        path = local_path(uri)
        return dict(walk_files(path)) if path.is_dir() else {}

    def _file_digest(self, uri: str, path: str) -> str:
        if is_remote(uri):
            from pipeline_lib.artifacts.remote_store import remote_file_digest

            return remote_file_digest(uri, path, self._storage_options)
        return file_digest(local_path(uri) / path)

    def _holds(self, target: Path, manifest: Manifest) -> bool:
        try:
            return self.manifest(str(target)).digest == manifest.digest
        except MissingPayloadError:
            return False


def _remove_tree(directory: Path) -> None:
    """Delete it all, directories too that a body has made read-only."""
    try:
        shutil.rmtree(directory)
    except PermissionError:
        for parent, names, _ in os.walk(directory):
            for name in names:
                Path(parent, name).chmod(0o700)
        shutil.rmtree(directory)


def _require_below(path: Path, root: Path, what: str) -> None:
    inside = path.resolve().is_relative_to(root.resolve()) and path.resolve() != root.resolve()
    if not inside:
        raise ArtifactStoreError(f"this is not {what}", at=str(path), fix=f"give a directory below {root}")


@contextmanager
def _as_store_error(action: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtifactStoreError(
            f"cannot {action}: {error.strerror or error}",
            at=str(path),
            fix="check the directory's permissions and the free space",
        ) from error


def _write_atomically(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).rename(path)


def _sync_tree(directory: Path) -> None:
    """A crash of the machine after the rename must not leave empty files under a valid name."""
    _sync_all([Path(parent, name) for parent, _, names in os.walk(directory) for name in (*names, ".")])


def _sync_all(paths: Sequence[Path]) -> None:
    """All at once: a file system writes its journal once for many that wait."""
    with ThreadPoolExecutor(_SYNC_THREADS) as pool:
        for _ in pool.map(_sync, paths):
            pass


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
