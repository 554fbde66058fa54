"""TensorFlow Transform's part: raw columns to what the model reads, the same in training and in serving."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from flight_delays.columns import CATEGORIES, HOURS, LABEL, NUMBERS


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Vocabularies for names, z-scores for measurements, and hours as they are.

    Args:
        inputs: Raw columns by name; shape (batch, 1) or sparse where values can be missing.

    Returns:
        Features of shape (batch, 1): int64 ids, float32 z-scores; and the label.
    """
    outputs = {
        name: tft.compute_and_apply_vocabulary(
            _filled(inputs[name], ""), top_k=size - 1, num_oov_buckets=1, vocab_filename=name
        )
        for name, size in CATEGORIES.items()
    }
    for name in NUMBERS:
        value = _filled(tf.cast(inputs[name], tf.float32), float("nan"))
        mean = tft.mean(tf.boolean_mask(value, tf.math.is_finite(value)))
        deviation = tf.sqrt(tft.var(tf.boolean_mask(value, tf.math.is_finite(value))))
        score = (value - mean) / tf.maximum(deviation, 1e-3)
        outputs[name] = tf.where(tf.math.is_finite(score), score, tf.zeros_like(score))
    for name in HOURS:
        outputs[name] = _filled(inputs[name], 0)
    outputs[LABEL] = _filled(inputs[LABEL], 0)
    return outputs


def _filled(column: Any, default: Any) -> Any:
    """Dense (batch, 1), with `default` where a value is missing."""
    if isinstance(column, tf.SparseTensor):
        shape = [column.dense_shape[0], 1]
        return tf.sparse.to_dense(
            tf.SparseTensor(column.indices, column.values, shape), default_value=default
        )
    return column
