"""TensorProtos to arrays and back, the latter in the fields in which TensorFlow Serving writes them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2

from pipeline_lib.serving.server.refusals import invalid

Array = np.ndarray[Any, Any]

# Clients read these by name (`outputs["y"].float_val`); `tf.make_tensor_proto` would fill `tensor_content`.
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int64": "int64_val",
    "int32": "int_val",
    "int16": "int_val",
    "int8": "int_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "bool": "bool_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "object": "string_val",
}


def to_arrays(tensors: Mapping[str, Any]) -> dict[str, Array]:
    """Arrays of TensorProtos; text as arrays of bytes objects.

    Raises:
        Refusal: INVALID_ARGUMENT if one is not whole.
    """
    try:
        return {alias: tf.make_ndarray(tensor) for alias, tensor in tensors.items()}
    except (TypeError, ValueError) as error:
        raise invalid(f"tensor parsing error: {error}") from error


def to_proto(array: Array) -> Any:
    """The TensorProto of an array."""
    field = _FIELDS.get(array.dtype.name)
    if field is None:
        return tf.make_tensor_proto(array)
    made = tensor_pb2.TensorProto(
        dtype=tf.string.as_datatype_enum
        if field == "string_val"
        else tf.as_dtype(array.dtype).as_datatype_enum,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(
            dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in array.shape]
        ),
    )
    getattr(made, field).extend(array.ravel().tolist())
    return made
