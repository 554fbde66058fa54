"""Columns of Parquet as blocks of rows that can be shuffled, joined and turned into tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from pipeline_components.errors import TrainingDataError

Block = Any
Array = npt.NDArray[Any]
Arrays = tuple[Array, ...]
RowNumbers = npt.NDArray[np.int64]


class Column(Protocol):
    """How one feature is read, moved and fed to tf.data: as arrays, whole batches of a block at once."""

    @property
    def name(self) -> str:
        """The feature's name."""

    @property
    def needs_finish(self) -> bool:
        """Whether `finish` does something; if no column does, no function is called for a batch."""

    def read(self, values: pa.Array) -> Block:
        """A block of rows."""

    def take(self, block: Block, rows: RowNumbers) -> Block:
        """Those rows of the block, in that order."""

    def join(self, blocks: Sequence[Block]) -> Block:
        """One block of all rows."""

    def feed(self, block: Block, size: int) -> Arrays:
        """What a tf.data generator yields for a block of whole batches of `size` rows."""

    def signature(self) -> Any:
        """The types of what `feed` gives."""

    def opened(self, fed: Any) -> Any:
        """From what was fed to a tensor of shape (batches, rows, ...); runs once a block, inside tf.data."""

    def finish(self, batch: Any) -> Any:
        """From one batch of the opened tensor to what the user's code sees; runs inside tf.data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """A feature with the same number of values in every row.

    Blocks are numpy arrays of shape (rows, *shape), for text Arrow arrays of all values in a row.

    Attributes:
        shape: Of one row's values; () gives tensors of shape (batch,).
    """

    name: str
    dtype: tf.DType
    shape: tuple[int, ...] = ()
    default: Any = None

    @property
    def needs_finish(self) -> bool:
        return False

    def read(self, values: pa.Array) -> Block:
        if values.null_count:
            values = self._filled(values)
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            flat = values.flatten()
            if len(flat) != len(values) * self._width:
                raise TrainingDataError(
                    f"rows of {self.name} have other numbers of values than the schema says",
                    needs=f"{self._width} in every row",
                    fix="give the feature no shape in the schema, or fill it in preprocessing_fn",
                )
            values = flat
        if self.dtype == tf.string:
            return _as_text(values)
        numbers = values.to_numpy(zero_copy_only=False).astype(self.dtype.as_numpy_dtype, copy=False)
        return numbers.reshape(-1, *self.shape)

    def take(self, block: Block, rows: RowNumbers) -> Block:
        if self.dtype != tf.string:
            return block[rows]
        if self._width != 1:
            rows = (rows[:, np.newaxis] * self._width + np.arange(self._width)).ravel()
        return block.take(pa.array(rows))

    def join(self, blocks: Sequence[Block]) -> Block:
        return pa.concat_arrays(blocks) if self.dtype == tf.string else np.concatenate(blocks)

    def feed(self, block: Block, size: int) -> Arrays:
        if self.dtype != tf.string:
            return (block.reshape(-1, size, *self.shape),)
        codes, words = _encoded(block)
        return codes.reshape(-1, size, *self.shape), words

    def signature(self) -> tuple[tf.TensorSpec, ...]:
        shape = [None, None, *self.shape]
        if self.dtype != tf.string:
            return (tf.TensorSpec(shape, self.dtype),)
        return tf.TensorSpec(shape, tf.int32), tf.TensorSpec([None], tf.string)

    def opened(self, fed: Any) -> Any:
        return tf.gather(fed[1], fed[0]) if self.dtype == tf.string else fed[0]

    def finish(self, batch: Any) -> Any:
        return batch

    @property
    def _width(self) -> int:
        return int(np.prod(self.shape))

    def _filled(self, values: pa.Array) -> pa.Array:
        if self.default is None:
            raise TrainingDataError(
                f"{self.name} has missing values, and the schema gives it a fixed shape",
                missing=f"{values.null_count} of {len(values)} rows",
                fix="fill them in preprocessing_fn, or give the feature no shape in the schema",
            )
        if self.dtype.is_floating:
            values = values.cast(pa.float64())
        return pc.fill_null(values, pa.scalar(self.default, values.type))


@dataclass(frozen=True, slots=True, kw_only=True)
class Varying:
    """A feature with any number of values a row, none for a missing one: a SparseTensor or RaggedTensor.

    Blocks are Arrow arrays of lists.
    """

    name: str
    dtype: tf.DType
    ragged: bool = False

    @property
    def needs_finish(self) -> bool:
        return not self.ragged

    def read(self, values: pa.Array) -> pa.Array:
        if pa.types.is_list(values.type):
            return values
        lengths = np.asarray(values.is_valid())
        offsets = np.zeros(len(values) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        return pa.ListArray.from_arrays(pa.array(offsets), values.drop_null())

    def take(self, block: pa.Array, rows: RowNumbers) -> pa.Array:
        return block.take(pa.array(rows))

    def join(self, blocks: Sequence[pa.Array]) -> pa.Array:
        return pa.concat_arrays(blocks)

    def feed(self, block: pa.Array, size: int) -> Arrays:
        lengths = pc.fill_null(pc.list_value_length(block), 0).to_numpy(zero_copy_only=False)
        splits = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=splits[1:])
        batches = np.arange(0, len(block) + 1, size, dtype=np.int64)
        flat = block.flatten()
        if self.dtype == tf.string:
            return batches, splits, *_encoded(_as_text(flat))
        numbers = flat.to_numpy(zero_copy_only=False).astype(self.dtype.as_numpy_dtype, copy=False)
        return batches, splits, numbers

    def signature(self) -> tuple[tf.TensorSpec, ...]:
        splits = (tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.int64))
        if self.dtype != tf.string:
            return *splits, tf.TensorSpec([None], self.dtype)
        return *splits, tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.string)

    def opened(self, fed: Any) -> tf.RaggedTensor:
        flat = tf.gather(fed[3], fed[2]) if self.dtype == tf.string else fed[2]
        return tf.RaggedTensor.from_nested_row_splits(flat, fed[:2], validate=False)

    def finish(self, batch: Any) -> Any:
        return batch if self.ragged else batch.to_sparse()


def _as_text(values: pa.Array) -> pa.Array:
    """Text or bytes; what is neither (a date), as it is written."""
    is_text = pa.types.is_string(values.type) or pa.types.is_binary(values.type)
    return values if is_text else values.cast(pa.string())


def _encoded(text: pa.Array) -> tuple[Array, Array]:
    """Number of each value, and the different values: only these become Python objects, which is slow."""
    encoded = text.dictionary_encode()
    words = encoded.dictionary.cast(pa.binary()).to_numpy(zero_copy_only=False)
    return encoded.indices.to_numpy(zero_copy_only=False), words


def columns_of_schema(schema: Any, arrow: pa.Schema, *, at: str) -> list[Column]:
    """The features of a TensorFlow Metadata schema, as tensors of the kind TFX gives.

    Args:
        schema: tensorflow.metadata.v0.Schema.
        arrow: Columns of the files; features that they do not have are left out if nothing requires them.
        at: The files, for errors.
    """
    from tensorflow_transform.tf_metadata import schema_utils

    columns: list[Column] = []
    for name, spec in schema_utils.schema_as_feature_spec(schema).feature_spec.items():
        if arrow.get_field_index(name) < 0:
            raise TrainingDataError(
                f"column {name} of the schema is not in the data",
                columns=", ".join(arrow.names),
                at=at,
                fix="pass the schema of these files (transformed_metadata.schema for transformed ones)",
            )
        if isinstance(spec, tf.io.FixedLenFeature):
            columns.append(Dense(name=name, dtype=spec.dtype, shape=tuple(spec.shape)))
        else:
            columns.append(Varying(name=name, dtype=spec.dtype, ragged=isinstance(spec, tf.io.RaggedFeature)))
    return columns


def columns_of_files(arrow: pa.Schema) -> list[Column]:
    """Features as the files' own types give them: plain columns are dense of shape (batch,), lists vary."""
    return [_from_arrow(field) for field in arrow]


def _from_arrow(field: pa.Field) -> Column:
    if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
        return Varying(name=field.name, dtype=_dtype(field.type.value_type))
    dtype = _dtype(field.type)
    default = {tf.string: "", tf.float32: float("nan")}.get(dtype)
    return Dense(name=field.name, dtype=dtype, default=default)


def _dtype(kind: pa.DataType) -> tf.DType:
    if pa.types.is_floating(kind):
        return tf.float32
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return tf.int64
    return tf.string
