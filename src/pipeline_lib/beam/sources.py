"""Reading Parquet on Beam: a PCollection holds (file, row group), and workers read the rows themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipeline_lib.beam.batches import as_record_batch, list_columns
from pipeline_lib.beam.files import open_parquet, parquet_files, workspace_storage


@dataclass(frozen=True, slots=True)
class RowGroup:
    """One work item: which rows to read, by name.

    Attributes:
        uri: A Parquet file, as fsspec reads it.
        index: Which row group of it, from 0.
        rows: How many rows it has.
    """

    uri: str
    index: int
    rows: int


def row_groups(uri: str, *, storage_options: Mapping[str, Any] | None = None) -> list[RowGroup]:
    """Every row group of the Parquet files in a directory, in the order of names.

    Args:
        uri: A directory (`examples.split_uri("train")`) or one file.
        storage_options: What fsspec needs to open it; by default the workspace's.

    Raises:
        NoParquetFilesError: There are none.
        ParquetReadError: A file is not Parquet.
    """
    found = []
    for file in parquet_files(uri, storage_options=storage_options):
        with open_parquet(file, storage_options=storage_options) as parquet:
            footer = parquet.metadata
            found += [RowGroup(file, i, footer.row_group(i).num_rows) for i in range(footer.num_row_groups)]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How workers read row groups.

    Attributes:
        columns: Those to read, in that order; None: all.
        as_lists: Whether batches come in the form that TFDV, TFT and TFMA read.
        batch_rows: Rows of a batch at most.
        storage_options: What fsspec needs to open the files; by default the workspace's.
    """

    columns: tuple[str, ...] | None = None
    as_lists: bool = True
    batch_rows: int = 65_536
    storage_options: Mapping[str, Any] = field(default_factory=workspace_storage)


def read_row_group(item: RowGroup, options: ReadOptions) -> Iterator[pa.RecordBatch]:
    """The rows of one work item, in batches.

    Raises:
        ParquetReadError: The file cannot be read.
    """
    with open_parquet(item.uri, storage_options=options.storage_options) as parquet:
        columns = None if options.columns is None else list(options.columns)
        for batch in parquet.iter_batches(options.batch_rows, row_groups=[item.index], columns=columns):
            rows = batch if columns is None else pa.Table.from_batches([batch]).select(columns)
            yield list_columns(rows) if options.as_lists else as_record_batch(rows)


class ReadRowGroup(beam.DoFn):
    """From work items to record batches."""

    def __init__(self, options: ReadOptions) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._options = options

    def process(self, element: RowGroup) -> Iterator[pa.RecordBatch]:
        """Read one work item."""
        yield from read_row_group(element, self._options)


class ReadBatches(beam.PTransform[Any, Any]):
    """Record batches of every row group under a directory.

    Args:
        uri: A directory of Parquet files, or several of them (the spans of a window).
        columns: Those to read; None: all.
        as_lists: Whether batches come in the form that TFDV, TFT and TFMA read.
        storage_options: What fsspec needs to open the files; by default the workspace's.
    """

    def __init__(
        self,
        uri: str | Sequence[str],
        *,
        columns: Sequence[str] | None = None,
        as_lists: bool = True,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._uris = (uri,) if isinstance(uri, str) else tuple(uri)
        self._options = ReadOptions(
            columns=None if columns is None else tuple(columns),
            as_lists=as_lists,
            storage_options=workspace_storage() if storage_options is None else storage_options,
        )

    def expand(self, root: Any) -> Any:
        """Apply to the pipeline's root."""
        storage = self._options.storage_options
        items = [item for uri in self._uris for item in row_groups(uri, storage_options=storage)]
        return (
            root
            | "RowGroups" >> beam.Create(items, reshuffle=len(items) > 1)
            | "Read" >> beam.ParDo(ReadRowGroup(self._options)).with_output_types(pa.RecordBatch)
        )
