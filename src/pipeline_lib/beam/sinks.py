"""Writing Parquet on Beam: one file per bundle under a temporary name, all renamed at the end."""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)
from apache_beam.transforms.combiners import ToList
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipeline_lib.artifacts.remote_store import open_filesystem
from pipeline_lib.beam.batches import ROWS_PER_GROUP
from pipeline_lib.beam.files import workspace_storage


class WrittenFile(NamedTuple):
    """One file of a sink.

    Attributes:
        uri: Where it is.
        rows: Rows in it.
        mark: Digest of its content, which orders the files of a run of the pipeline.
    """

    uri: str
    rows: int
    mark: str


class WriteBundle(beam.DoFn):
    """Batches of one bundle into one Parquet file under a temporary name.

    Args:
        uri: The directory.
        storage_options: What fsspec needs to write there; by default the workspace's.
    """

    def __init__(self, uri: str, storage_options: Mapping[str, Any] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._uri = uri.removeprefix("file://").rstrip("/")
        self._storage_options = dict(workspace_storage() if storage_options is None else storage_options)
        self._file: Any = None

    def start_bundle(self) -> None:
        """Begin with no file: an empty bundle writes none."""
        self._file = None

    def process(self, element: Any) -> None:
        """Append a record batch (or the first of a tuple, as TFT gives them)."""
        batch = element[0] if isinstance(element, tuple) else element
        if self._file is None:
            self._file = _BundleFile(
                f"{self._uri}/.{uuid.uuid4().hex}.part", batch.schema, self._storage_options
            )
        self._file.append(batch)

    def finish_bundle(self) -> Iterator[Any]:
        """Close the file and tell of it."""
        if self._file is not None:
            written = self._file.close()
            self._file = None
            yield WindowedValue(written, GlobalWindow().max_timestamp(), (GlobalWindow(),))


class _BundleFile:
    """Collects batches into full row groups, so that many small batches do not make small groups."""

    def __init__(self, uri: str, schema: pa.Schema, storage_options: Mapping[str, Any]) -> None:
        self._uri, self._rows, self._waiting, self._waiting_rows = uri, 0, list[pa.RecordBatch](), 0
        self._storage_options = storage_options
        files, path = open_filesystem(uri, storage_options)
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._raw = files.open(path, "wb")
        self._writer = pq.ParquetWriter(self._raw, schema, compression="zstd")

    def append(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= ROWS_PER_GROUP:
            self._flush(keep=self._waiting_rows % ROWS_PER_GROUP)

    def _flush(self, *, keep: int) -> None:
        table = pa.Table.from_batches(self._waiting)
        full = table.num_rows - keep
        self._writer.write_table(table.slice(0, full), row_group_size=ROWS_PER_GROUP)
        self._rows += full
        self._waiting, self._waiting_rows = table.slice(full).to_batches(), keep

    def close(self) -> WrittenFile:
        if self._waiting_rows:
            self._flush(keep=0)
        self._writer.close()
        self._raw.close()
        files, path = open_filesystem(self._uri, self._storage_options)
        with files.open(path, "rb") as file:
            mark = hashlib.sha256()
            while block := file.read(1 << 20):
                mark.update(block)
        return WrittenFile(self._uri, self._rows, mark.hexdigest())


def publish(
    written: Iterable[WrittenFile], uri: str, storage_options: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """Give the files of every bundle that counted their final names; drop those of tries that did not.

    Names follow content, so the same rows in the same bundles give the same files whatever the order.

    Returns:
        Rows by file name.
    """
    root = uri.removeprefix("file://").rstrip("/")
    options = workspace_storage() if storage_options is None else storage_options
    files, folder = open_filesystem(root, options)
    files.makedirs(folder, exist_ok=True)
    rows: dict[str, int] = {}
    for index, part in enumerate(sorted(written, key=lambda part: (part.mark, part.uri))):
        name = f"part-{index:05d}.parquet"
        files.mv(open_filesystem(part.uri, options)[1], f"{folder}/{name}")
        rows[name] = part.rows
    for left in files.glob(f"{folder}/.*.part"):
        files.rm(left)
    return rows


class WriteBatches(beam.PTransform[Any, Any]):
    """Record batches to `part-*.parquet` (zstd, row groups of 65,536 rows) in a directory.

    Gives a PCollection with one element: rows by file name. Readers never see a partial file under a
    final name, and a bundle that a runner tries twice is written once.

    Args:
        uri: The directory, made if need be.
        storage_options: What fsspec needs to write there; by default the workspace's.
    """

    def __init__(self, uri: str, *, storage_options: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._uri = uri
        self._storage_options = dict(workspace_storage() if storage_options is None else storage_options)

    def expand(self, batches: Any) -> Any:
        """Apply to a PCollection of record batches, or of tuples that begin with one."""
        return (
            batches
            | "Write" >> beam.ParDo(WriteBundle(self._uri, self._storage_options))
            | "Collect" >> ToList()
            | "Publish" >> beam.Map(publish, self._uri, self._storage_options)
        )
