"""Parquet files by fsspec uri; pyarrow opens local ones itself, which is faster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)

from pipeline_lib.errors import NoParquetFilesError, ParquetReadError


def parquet_files(uri: str, *, storage_options: Mapping[str, Any] | None = None) -> list[str]:
    """The `*.parquet` files in a directory, sorted by name; a file gives itself.

    Raises:
        NoParquetFilesError: There are none.
    """
    local = local_path(uri)
    if local is not None:
        found = [str(local)] if local.is_file() else sorted(str(file) for file in local.glob("*.parquet"))
    else:
        files, root = fsspec.core.url_to_fs(uri, **dict(storage_options or {}))
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

    Raises:
        ParquetReadError: It is missing, damaged or not Parquet.
    """
    local = local_path(uri)
    try:
        if local is not None:
            with pq.ParquetFile(str(local)) as parquet:
                yield parquet
        else:
            with fsspec.open(uri, "rb", **dict(storage_options or {})) as file:
                yield pq.ParquetFile(file)
    except (pa.ArrowInvalid, FileNotFoundError, PermissionError) as error:
        raise ParquetReadError(
            f"cannot read as Parquet: {error}", at=uri, fix="check that the file is whole; write it again"
        ) from error


def local_path(uri: str) -> Path | None:
    """The path of a local uri; None for a remote one."""
    if "://" not in uri:
        return Path(uri)
    return Path(uri.removeprefix("file://")) if uri.startswith("file://") else None
