"""Parquet files by fsspec uri; pyarrow opens local ones itself, which is faster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)

from pipeline_lib.artifacts.remote_store import open_filesystem
from pipeline_lib.artifacts.workspace import active_workspace
from pipeline_lib.errors import NoParquetFilesError, ParquetReadError


def workspace_storage() -> Mapping[str, Any]:
    """What fsspec needs for the artifacts of the body that is being executed.

    Workers have no workspace: a source or sink asks when it is made, and takes the answer along. Secrets
    travel as references, and are looked up where a file is opened.
    """
    space = active_workspace()
    return dict(space.storage_options) if space is not None else {}


def parquet_files(uri: str, *, storage_options: Mapping[str, Any] | None = None) -> list[str]:
    """The `*.parquet` files in a directory, sorted by name; a file gives itself.

    Args:
        uri: A directory or a file.
        storage_options: What fsspec needs to open it; by default the workspace's.

    Raises:
        NoParquetFilesError: There are none.
    """
    local = local_path(uri)
    if local is not None:
        found = [str(local)] if local.is_file() else sorted(str(file) for file in local.glob("*.parquet"))
    else:
        files, root = open_filesystem(uri, _options(storage_options))
        paths = [root] if files.isfile(root) else sorted(files.glob(f"{root}/*.parquet"))
        found = [files.unstrip_protocol(path) for path in paths]
    if not found:
        raise NoParquetFilesError(
            "no Parquet files there", at=uri, fix="check the uri, or run what writes it"
        )
    return found


@contextmanager
def open_parquet(uri: str, *, storage_options: Mapping[str, Any] | None = None) -> Iterator[pq.ParquetFile]:
    """A Parquet file, open for the block.

    Args:
        uri: The file.
        storage_options: What fsspec needs to open it; by default the workspace's.

    Raises:
        ParquetReadError: It is missing, damaged or not Parquet.
    """
    local = local_path(uri)
    try:
        if local is not None:
            with pq.ParquetFile(str(local)) as parquet:
                yield parquet
        else:
            files, path = open_filesystem(uri, _options(storage_options))
            with files.open(path, "rb") as file:
                yield pq.ParquetFile(file)
    except (pa.ArrowInvalid, FileNotFoundError, PermissionError) as error:
        raise ParquetReadError(
            f"cannot read as Parquet: {error}", at=uri, fix="check that the file is whole; write it again"
        ) from error


def _options(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return workspace_storage() if given is None else given


def local_path(uri: str) -> Path | None:
    """The path of a local uri; None for a remote one."""
    if "://" not in uri:
        return Path(uri)
    return Path(uri.removeprefix("file://")) if uri.startswith("file://") else None
