"""The data accessor: Parquet row groups, through a shuffle window, into tf.data, in bounded memory.

Batches are cut inside tf.data from large blocks of whole batches, of shape (batches, rows, ...): one Python
call serves thousands of rows, and a batch is a slice in C++. A batch made in Python costs a call each, one
cut by tf.data functions an op per column, and `Dataset.shuffle` works row by row.
"""

import glob
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)
import tensorflow as tf

from pipeline_components.errors import TrainingDataError
from pipeline_components.train._columns import (
    Arrays,
    Block,
    Column,
    RowNumbers,
    columns_of_files,
    columns_of_schema,
)

Rows = dict[str, Block]


def tf_dataset_factory(
    file_pattern: str | Sequence[str], options: Any, schema: Any = None
) -> tf.data.Dataset:
    """Batches of Parquet rows as a tf.data.Dataset.

    Args:
        file_pattern: A glob pattern or several.
        options: `TensorFlowDatasetOptions`, ours or tfx_bsl's.
        schema: tensorflow.metadata.v0.Schema of the files; says which features are dense, and their
            shapes. None: plain columns are dense, of shape (batch,), missing text is "" and a missing
            float NaN.

    Returns:
        Dicts of tensors by feature; with `options.label_key`, pairs of such a dict and the label.

    Raises:
        TrainingDataError: No file matches, or the files do not fit the schema or hold no label.
    """
    files = matching_files(file_pattern)
    arrow = pq.read_schema(files[0])
    columns = columns_of_schema(schema, arrow, at=files[0]) if schema is not None else columns_of_files(arrow)
    return dataset_of(files, columns, options)


def dataset_of(
    files: Sequence[str],
    columns: Sequence[Column],
    options: Any,
    arrange: Callable[[dict[str, Any]], Any] | None = None,
) -> tf.data.Dataset:
    """Batches of some columns of Parquet files; see `tf_dataset_factory`.

    Args:
        files: Paths.
        columns: What to read, and how.
        options: As there.
        arrange: From features by name to what a batch is; it may choose and group them, not compute: it is
            given all batches of a block at once. None: a dict, or a pair with `options.label_key`.

    Raises:
        TrainingDataError: The label is not among the columns.
    """
    by_name = {column.name: column for column in columns}
    label = options.label_key
    if label is not None and label not in by_name:
        raise TrainingDataError(
            f"there is no label {label} in the data",
            columns=", ".join(by_name),
            at=files[0],
            fix="name a column of the data as label_key",
        )
    arranged = arrange or (lambda features: features if label is None else (features, features.pop(label)))
    reader = _Reader(files=files, columns=columns, options=options)
    signature = {column.name: column.signature() for column in columns}
    blocks = tf.data.Dataset.from_generator(reader.blocks, output_signature=signature)
    unfinished = any(column.needs_finish for column in columns)

    def batches(block: dict[str, Any]) -> tf.data.Dataset:
        opened = {name: column.opened(block[name]) for name, column in by_name.items()}
        return tf.data.Dataset.from_tensor_slices(opened if unfinished else arranged(opened))

    def finished(batch: dict[str, Any]) -> Any:
        return arranged({name: column.finish(batch[name]) for name, column in by_name.items()})

    # The next block is read in Python while batches of this one are trained on.
    dataset = blocks.prefetch(1).flat_map(batches)
    if unfinished:
        dataset = dataset.map(finished)
    return dataset.prefetch(_ahead(options))


def record_batch_factory(
    file_pattern: str | Sequence[str], options: Any, schema: Any = None
) -> Iterator[pa.RecordBatch]:
    """Batches of Parquet rows as Arrow record batches of plain columns.

    Args:
        file_pattern: A glob pattern or several.
        options: `RecordBatchesOptions`, ours or tfx_bsl's.
        schema: Only its features are read; None: every column.

    Raises:
        TrainingDataError: No file matches.
    """
    files = matching_files(file_pattern)
    names = None if schema is None else [feature.name for feature in schema.feature]
    epochs = itertools.count() if options.num_epochs is None else range(options.num_epochs)
    for _ in epochs:
        for file in files:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=options.batch_size, columns=names):
                if batch.num_rows == options.batch_size or not options.drop_final_batch:
                    yield batch


def matching_files(file_pattern: str | Sequence[str]) -> list[str]:
    """Files that match one of the patterns, each once, in order.

    Raises:
        TrainingDataError: There is none.
    """
    patterns = [file_pattern] if isinstance(file_pattern, str) else list(file_pattern)
    found = itertools.chain.from_iterable(glob.glob(str(pattern)) for pattern in patterns)  # noqa: PTH207
    files = sorted(set(found))
    if not files:
        raise TrainingDataError(
            "no file to read", patterns=", ".join(map(str, patterns)), fix="check the splits of the examples"
        )
    return files


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    files: Sequence[str]
    columns: Sequence[Column]
    options: Any

    def blocks(self) -> Iterator[dict[str, Arrays]]:
        """Blocks of whole batches, ready for tf.data; a last batch that is short is a block by itself."""
        size = self.options.batch_size
        random = np.random.default_rng(self.options.shuffle_seed)
        held: list[Rows] = []
        rows = 0
        for block, count in self._row_groups(random):
            held.append(block)
            rows += count
            if rows < max(2 * size, self.options.shuffle_buffer_size if self.options.shuffle else 0):
                continue
            joined = self._join(held)
            out = (rows // 2 if self.options.shuffle else rows) // size * size
            order = random.permutation(rows) if self.options.shuffle else np.arange(rows)
            yield self._feed(self._take(joined, order[:out]), size)
            held, rows = [self._take(joined, order[out:])], rows - out
        if rows:
            joined = self._join(held)
            order = random.permutation(rows) if self.options.shuffle else np.arange(rows)
            whole = rows // size * size
            if whole:
                yield self._feed(self._take(joined, order[:whole]), size)
            if whole < rows and not self.options.drop_final_batch:
                yield self._feed(self._take(joined, order[whole:]), rows - whole)

    def _row_groups(self, random: np.random.Generator) -> Iterator[tuple[Rows, int]]:
        places = self._places()
        epochs = self.options.num_epochs
        for _ in itertools.count() if epochs is None else range(epochs):
            if self.options.shuffle:
                random.shuffle(places)
            for file, group in places:
                table = pq.ParquetFile(file).read_row_group(group, columns=[c.name for c in self.columns])
                yield {c.name: c.read(_one_array(table.column(c.name))) for c in self.columns}, table.num_rows

    def _places(self) -> list[tuple[str, int]]:
        places = []
        for file in self.files:
            metadata = pq.read_metadata(file)
            places += [(file, i) for i in range(metadata.num_row_groups) if metadata.row_group(i).num_rows]
        if not places:
            raise TrainingDataError("there are no rows to train on", at=self.files[0], fix="check the split")
        return places

    def _join(self, held: Sequence[Rows]) -> Rows:
        if len(held) == 1:
            return held[0]
        return {column.name: column.join([block[column.name] for block in held]) for column in self.columns}

    def _take(self, block: Rows, rows: RowNumbers) -> Rows:
        return {column.name: column.take(block[column.name], rows) for column in self.columns}

    def _feed(self, block: Rows, size: int) -> dict[str, Arrays]:
        return {column.name: column.feed(block[column.name], size) for column in self.columns}


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _ahead(options: Any) -> int:
    size = getattr(options, "prefetch_buffer_size", -1)
    return 4 if size is None or size < 0 else int(size)
