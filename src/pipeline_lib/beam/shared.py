"""Where Beam's workers write what the driver publishes: a directory that both see."""

import posixpath
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline_lib.artifacts.remote_store import open_filesystem, transfer
from pipeline_lib.artifacts.workspace import active_workspace
from pipeline_lib.beam.files import workspace_storage
from pipeline_lib.errors import WorkersElsewhereError


@contextmanager
def worker_directory(target: Path, *, fetch: bool = True, may_be_empty: bool = False) -> Iterator[str]:
    """A uri below which workers write; once the block ends, what they wrote is in `target`.

    Workers on this machine's disk (DirectRunner, Prism) are given `target` itself. If the profile names a
    place as `beam.shared`, they are given a directory there: what `target` holds is copied there first, and
    back from there at the end.

    Args:
        target: A local directory that exists.
        fetch: Whether what was written is wanted; False for a scratch directory.
        may_be_empty: Whether a job may have nothing to write there.

    Raises:
        WorkersElsewhereError: Nothing was written that this process can see.
        ArtifactStoreError: `beam.shared` is no place that fsspec knows.
    """
    shared = _shared()
    if shared is None:
        yield str(target)
    else:
        with _directory_below(shared) as (uri, files, path):
            given = _local_files(target)
            for name in given:
                files.makedirs(posixpath.dirname(f"{path}/{name}"), exist_ok=True)
            transfer(files.put_file, [(str(target / name), f"{path}/{name}") for name in given])
            yield uri
            if fetch:
                _fetch(files, path, target)
    if fetch and not may_be_empty and not _local_files(target):
        raise WorkersElsewhereError(
            "the job ended well, and its workers wrote nothing that this machine can see",
            at=shared or str(target),
            fix="name a directory that the workers and this machine share as beam.shared in the profile",
        )


def _shared() -> str | None:
    space = active_workspace()
    settings: Mapping[str, Any] = space.beam if space is not None else {}
    return settings.get("shared") or None


@contextmanager
def _directory_below(shared: str) -> Iterator[tuple[str, Any, str]]:
    uri = f"{shared.rstrip('/')}/{uuid.uuid4().hex}"
    files, path = open_filesystem(uri, workspace_storage())
    files.makedirs(path, exist_ok=True)
    try:
        yield uri, files, path
    finally:
        with suppress(FileNotFoundError):
            files.rm(path, recursive=True)


def _fetch(files: Any, path: str, target: Path) -> None:
    files.invalidate_cache()  # the workers' files are not in this process' listing
    found = [posixpath.relpath(name, path) for name in files.find(path)]
    for name in found:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
    transfer(files.get_file, [(f"{path}/{name}", str(target / name)) for name in found])


def _local_files(folder: Path) -> list[str]:
    return [str(file.relative_to(folder)) for file in sorted(folder.rglob("*")) if file.is_file()]
