"""Writing batches to `Split-<name>/*.parquet`, one file and one thread per split, in bounded memory."""

import itertools
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)

from pipeline_components.errors import EmptySplitError, MissingColumnError
from pipeline_components.ingest._hashing import hash_column, hash_rows
from pipeline_components.ingest.sources import WHOLE
from pipeline_components.ingest.splits import HashSplit
from pipeline_components.threads import in_order
from pipeline_lib import Examples
from pipeline_lib.beam.batches import ROWS_PER_GROUP


def write_examples(
    batches: Mapping[str, Iterable[pa.RecordBatch]],
    schema: pa.Schema,
    *,
    split: HashSplit | None,
    span: int = 0,
    version: int = 0,
    source: str = "",
) -> Examples:
    """Stream batches into a new artifact.

    Args:
        batches: By input split; of the one split `*` if a hash makes the output splits.
        schema: That of every batch.
        split: How rows of `*` are dealt out.
        span: Span of the rows.
        version: Version of the span.
        source: What they were read from, for messages.

    Raises:
        EmptySplitError: A split got no rows.
        MissingColumnError: The key column of `split` is not there.
    """
    whole = split if WHOLE in batches else None
    names = list(batches) if whole is None else whole.names()
    examples = Examples.new(span=span, version=version, split_names=names)
    with ExitStack() as stack:
        writers = {name: stack.enter_context(_SplitFile(examples.split_path(name), schema)) for name in names}
        for name, of_split in batches.items():
            if whole is None:
                for batch in of_split:
                    writers[name].append(batch)
            else:
                dealt = in_order(partial(deal, split=whole), of_split)
                for target, rows in itertools.chain.from_iterable(dealt):
                    writers[target].append(rows)
        for writer in writers.values():
            writer.hand_over()
        for writer in writers.values():
            writer.wait()
    rows_by_split = {name: writer.rows for name, writer in writers.items()}
    for name, rows in rows_by_split.items():
        if rows == 0:
            raise EmptySplitError(
                f"split {name} has no rows",
                at=source,
                rows=", ".join(f"{split}: {count}" for split, count in rows_by_split.items()),
                fix="check the source; with few rows or keys a hash may leave a split empty",
            )
    examples.rows, examples.columns = rows_by_split, list(schema.names)
    return examples


def deal(batch: pa.RecordBatch, split: HashSplit) -> list[tuple[str, pa.RecordBatch]]:
    """The rows of a batch by split; the order of rows is kept.

    Raises:
        MissingColumnError: The key column is not there.
    """
    if split.key is None:
        hashes = hash_rows(batch)
    else:
        at = batch.schema.get_field_index(split.key)
        if at < 0:
            raise MissingColumnError(
                f"the split's key {split.key} is not a column",
                known=", ".join(batch.schema.names),
                fix="name one of these as HashSplit(key=...)",
            )
        hashes = hash_column(batch.column(at))
    names = split.names()
    bounds = np.cumsum([split.buckets[name] for name in names])
    owner = np.searchsorted(bounds, (hashes % np.uint64(bounds[-1])).astype(np.int64), side="right")
    found = [(name, batch.filter(pa.array(owner == index))) for index, name in enumerate(names)]
    return [(name, rows) for name, rows in found if rows.num_rows]


class _SplitFile:
    """One Parquet file that a thread of its own compresses; at most two row groups wait in memory."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        folder.mkdir(parents=True)
        self.rows = 0
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._writer = pq.ParquetWriter(str(folder / "part-00000.parquet"), schema, compression="zstd")
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._busy: Future[None] | None = None

    def __enter__(self) -> "_SplitFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True)
        self._writer.close()

    def append(self, rows: pa.RecordBatch) -> None:
        """Take rows; full row groups are handed to the thread."""
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        self.rows += rows.num_rows
        if self._waiting_rows >= ROWS_PER_GROUP:
            self.hand_over(keep=self._waiting_rows % ROWS_PER_GROUP)

    def wait(self) -> None:
        """Until all that was handed over is written."""
        if self._busy is not None:
            self._busy.result()

    def hand_over(self, *, keep: int = 0) -> None:
        """Have the thread write the rows that wait, but for the last `keep`."""
        if self._waiting_rows == keep:
            return
        table = pa.Table.from_batches(self._waiting, self._schema)
        full = table.num_rows - keep
        self.wait()
        self._busy = self._thread.submit(
            self._writer.write_table, table.slice(0, full), row_group_size=ROWS_PER_GROUP
        )
        self._waiting = table.slice(full).to_batches()
        self._waiting_rows = keep
