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
RowNumbers = npt.NDArray[np.int64]


class Column(Protocol):
    """How one feature is read, moved and fed."""

    @property
    def name(self) -> str:
        """The feature's name."""

    def read(self, values: pa.Array) -> Block:
        """A block of rows."""

    def take(self, block: Block, rows: RowNumbers) -> Block:
        """Those rows of the block, in that order."""

    def join(self, blocks: Sequence[Block]) -> Block:
        """One block of all rows."""

    def feed(self, block: Block) -> Any:
        """What a tf.data generator yields for the block."""

    def signature(self) -> tf.TypeSpec:
        """The type of what `feed` gives."""

    def finish(self, tensor: Any) -> Any:
        """From a slice of the fed tensor to what the user's code sees; runs inside tf.data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """A feature with the same number of values in every row.

    Attributes:
        shape: Of one row's values; () gives tensors of shape (batch,).
    """

    name: str
    dtype: tf.DType
    shape: tuple[int, ...] = ()
    default: Any = None

    def read(self, values: pa.Array) -> Array:
        if values.null_count:
            values = self._filled(values)
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            flat = values.flatten()
            if len(flat) != len(values) * int(np.prod(self.shape)):
                raise TrainingDataError(
                    f"rows of {self.name} have other numbers of values than the schema says",
                    needs=f"{int(np.prod(self.shape))} in every row",
                    fix="give the feature no shape in the schema, or fill it in preprocessing_fn",
                )
            values = flat
        given = values.to_numpy(zero_copy_only=False)
        if self.dtype != tf.string:
            given = given.astype(self.dtype.as_numpy_dtype, copy=False)
        shaped: Array = given.reshape(-1, *self.shape)
        return shaped

    def take(self, block: Array, rows: RowNumbers) -> Array:
        taken: Array = block[rows]
        return taken

    def join(self, blocks: Sequence[Array]) -> Array:
        return np.concatenate(blocks)

    def feed(self, block: Array) -> Array:
        return block

    def signature(self) -> tf.TypeSpec:
        return tf.TensorSpec([None, *self.shape], self.dtype)

    def finish(self, tensor: Any) -> Any:
        return tensor

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
    """A feature with any number of values a row, none for a missing one: a SparseTensor or RaggedTensor."""

    name: str
    dtype: tf.DType
    ragged: bool = False

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

    def feed(self, block: pa.Array) -> tf.RaggedTensor:
        lengths = pc.fill_null(pc.list_value_length(block), 0).to_numpy(zero_copy_only=False)
        splits = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=splits[1:])
        flat = block.flatten().to_numpy(zero_copy_only=False)
        if self.dtype != tf.string:
            flat = flat.astype(self.dtype.as_numpy_dtype, copy=False)
        return tf.RaggedTensor.from_row_splits(tf.constant(flat, self.dtype), splits, validate=False)

    def signature(self) -> tf.TypeSpec:
        return tf.RaggedTensorSpec([None, None], self.dtype, ragged_rank=1, row_splits_dtype=tf.int64)

    def finish(self, tensor: Any) -> Any:
        return tensor if self.ragged else tensor.to_sparse()


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
