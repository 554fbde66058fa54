"""TensorProtos are what TensorFlow makes of them, in the fields that clients read."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipeline_lib.serving.server.refusals import Refusal
from pipeline_lib.serving.server.tensors import to_arrays, to_proto


@pytest.mark.parametrize(
    ("array", "field"),
    [
        (np.array([[1.5, 2.5]], np.float32), "float_val"),
        (np.array([1.5]), "double_val"),
        (np.array([1, 2], np.int64), "int64_val"),
        (np.array(3, np.int32), "int_val"),
        (np.array([3], np.uint8), "int_val"),
        (np.array([True]), "bool_val"),
        (np.array([b"a\0", b""], object), "string_val"),
        (np.array([1 + 2j], np.complex64), "scomplex_val"),
        (np.zeros([0, 2], np.float32), "float_val"),
    ],
)
def test_arrays_come_back(array: Any, field: str) -> None:
    proto = to_proto(array)
    (found,) = to_arrays({"x": proto}).values()
    assert found.tolist() == array.tolist()
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert bool(getattr(proto, field)) == bool(array.size)


def test_a_proto_that_is_not_whole() -> None:
    broken = tf.make_tensor_proto(np.ones(4, np.float32))
    broken.tensor_content = b"123"
    with pytest.raises(Refusal, match="tensor parsing error"):
        to_arrays({"x": broken})
