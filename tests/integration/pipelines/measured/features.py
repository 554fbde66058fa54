"""One analyzer of each kind that the workers must be able to run: sums, quantiles, a vocabulary."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Scores, buckets and ids."""
    signal = _filled(inputs["signal"], 0.0)
    return {
        "signal": tft.scale_to_z_score(signal),
        "bucket": tft.bucketize(signal, 5),
        "city": tft.compute_and_apply_vocabulary(_filled(inputs["city"], ""), vocab_filename="cities"),
        "late": _filled(inputs["late"], 0),
    }


def _filled(column: Any, default: Any) -> Any:
    if not isinstance(column, tf.SparseTensor):
        return column
    shape = [column.dense_shape[0], 1]
    return tf.sparse.to_dense(tf.SparseTensor(column.indices, column.values, shape), default_value=default)
