"""Verified local copies of remote artifacts, keyed by content: one download however many nodes read it."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline_lib.artifacts.manifest import MANIFEST_NAME, Manifest
from pipeline_lib.artifacts.store import require_same_content
from pipeline_lib.errors import MissingPayloadError
from pipeline_lib.hashing import file_digest


def local_copy(uri: str, manifest: Manifest, *, cache_dir: Path, storage_options: Mapping[str, Any]) -> Path:
    """A local directory with the files of a remote artifact, downloaded once per content digest.

    Raises:
        MissingPayloadError: A file is gone.
        CorruptPayloadError: A file has other content than the manifest says.
    """
    place = cache_dir / "artifacts" / manifest.digest[:2] / manifest.digest
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        if not place.is_dir():
            _download(uri, manifest, place, storage_options)
    return place


def _download(uri: str, manifest: Manifest, place: Path, storage_options: Mapping[str, Any]) -> None:
    from pipeline_lib.artifacts.remote_store import open_filesystem, transfer

    filesystem, base = open_filesystem(uri, storage_options)
    partial = Path(tempfile.mkdtemp(prefix=f"{manifest.digest}-", dir=place.parent))
    try:
        targets = [partial / entry.path for entry in manifest.files]
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            transfer(
                filesystem.get_file,
                [(f"{base}/{entry.path}", str(partial / entry.path)) for entry in manifest.files],
            )
        except FileNotFoundError as error:
            raise MissingPayloadError(
                "a file of the artifact is gone",
                at=uri,
                got=error,
                fix="run `pipeline doctor`, then run the pipeline again",
            ) from error
        for entry, target in zip(manifest.files, targets, strict=True):
            require_same_content(uri, entry, file_digest(target))
        (partial / MANIFEST_NAME).write_text(manifest.to_text(), encoding="utf-8")
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
