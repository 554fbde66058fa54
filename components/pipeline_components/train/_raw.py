"""Raw features inside a serving graph: parsed from tf.Examples or taken from columns, or stood in for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

Tensors = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFeature:
    """One raw feature, as tf.io.parse_example gives it to the transform graph.

    Attributes:
        spec: FixedLenFeature (dense), VarLenFeature (SparseTensor) or RaggedFeature.
        single: Whether a row has one value at most.
    """

    name: str
    spec: Any
    single: bool

    @property
    def may_be_missing(self) -> bool:
        """Whether rows without a value are allowed."""
        return not isinstance(self.spec, tf.io.FixedLenFeature)

    def column_spec(self) -> tf.TensorSpec:
        """What the `columns` signature takes; rank is open so that (batch,) and (batch, 1) both fit."""
        dtype = self.spec.dtype
        if self.may_be_missing and dtype == tf.int64:
            dtype = tf.float64
        if self.may_be_missing:
            return tf.TensorSpec(None if self.single else [None, None], dtype, name=self.name)
        shape = None if self.single else [None, *self.spec.shape]
        return tf.TensorSpec(shape, dtype, name=self.name)

    def from_column(self, column: tf.Tensor) -> Any:
        """The tensor that parsing would have given."""
        if not self.may_be_missing:
            return tf.reshape(column, [-1, *self.spec.shape]) if self.single else column
        table = tf.reshape(column, [-1, 1]) if self.single else column
        present = (
            tf.not_equal(table, "") if table.dtype == tf.string else tf.logical_not(tf.math.is_nan(table))
        )
        if isinstance(self.spec, tf.io.RaggedFeature):
            return tf.cast(tf.ragged.boolean_mask(table, present), self.spec.dtype)
        packed = tf.ragged.boolean_mask(table, present)  # values move to the left, as a parser puts them
        return tf.SparseTensor(
            packed.to_sparse().indices,
            tf.cast(packed.flat_values, self.spec.dtype),
            tf.stack(
                [
                    tf.shape(table, tf.int64)[0],
                    tf.constant(1, tf.int64) if self.single else packed.bounding_shape(1),
                ]
            ),
        )

    def stand_in(self, rows: tf.Tensor) -> Any:
        """What the graph wants to see for a feature that no prediction depends on."""
        if not self.may_be_missing:
            return tf.zeros(tf.concat([[rows], self.spec.shape], 0), self.spec.dtype)
        if isinstance(self.spec, tf.io.RaggedFeature):
            values = tf.zeros([0], self.spec.dtype)
            return tf.RaggedTensor.from_row_lengths(values, tf.zeros([rows], tf.int32))
        indices = tf.zeros([0, 2], tf.int64)
        return tf.SparseTensor(indices, tf.zeros([0], self.spec.dtype), tf.cast([rows, 0], tf.int64))


def raw_features(feature_spec: Mapping[str, Any], schema: Any) -> dict[str, RawFeature]:
    """Raw features by name.

    Args:
        feature_spec: As `schema_as_feature_spec` gives it.
        schema: The Schema message; says which features have one value at most.
    """
    single = {feature.name for feature in schema.feature if feature.value_count.max == 1}
    found = {}
    for name, spec in feature_spec.items():
        dense = isinstance(spec, tf.io.FixedLenFeature)
        one = all(size == 1 for size in spec.shape) if dense else name in single
        found[name] = RawFeature(name=name, spec=spec, single=one)
    return found
