"""Bodies to classify and regress: features become tf.Examples of the right kind."""

import json

import pytest
import tensorflow as tf

from pipeline_lib.serving.server.json_examples import classified, read_examples, regressed
from pipeline_lib.serving.server.refusals import Refusal


def test_features_take_the_kind_of_their_values() -> None:
    body = {
        "signature_name": "s",
        "context": {"shared": 1, "x": 9.0},
        "examples": [{"x": 0.5, "n": [1, True], "t": ["a", {"b64": "/w=="}], "none": []}, {}],
    }
    name, (first, second) = read_examples(json.dumps(body).encode())
    assert name == "s"
    feature = tf.train.Example.FromString(first).features.feature
    assert list(feature["x"].float_list.value) == [0.5]
    assert list(feature["n"].int64_list.value) == [1, 1]
    assert list(feature["t"].bytes_list.value) == [b"a", b"\xff"]
    assert feature["none"].WhichOneof("kind") is None
    assert list(feature["shared"].int64_list.value) == [1]
    assert list(tf.train.Example.FromString(second).features.feature["x"].float_list.value) == [9.0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "key 'examples' is expected"),
        ({"examples": {}}, "to be an list/array"),
        ({"examples": []}, "is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": None}]}, "unexpected JSON type: Null"),
        ({"examples": [{"x": [[1]]}]}, "unexpected JSON type: Array"),
        ({"examples": [{"x": {"y": 1}}]}, "unexpected JSON type: Object"),
        ({"examples": [{"x": [1, 1.0]}]}, "expecting type: int64"),
        ({"examples": [{"x": ["a", 1]}]}, "expecting type: bytes"),
        ({"examples": [{"x": 2**63}]}, "Only int64 is supported"),
        ({"examples": [{"x": 1e300}]}, "without loss of precision"),
    ],
)
def test_what_is_refused(body: object, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        read_examples(json.dumps(body).encode())


def test_results() -> None:
    assert json.loads(classified([[("a", 0.1), ("b", 0.9)]])) == {"results": [[["a", 0.1], ["b", 0.9]]]}
    assert regressed([0.10000000149011612]) == b'{"results": [0.1]}'
