"""JSON in TensorFlow Serving's row and columnar form, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2

from pipeline_lib.serving.server.json_tensors import answer, inputs_of, read_predict
from pipeline_lib.serving.server.refusals import Refusal


def signature(**inputs: str) -> Any:
    """A SignatureDef with inputs of these types."""
    text = "".join(f'inputs {{ key: "{name}" value {{ dtype: {kind} }} }}' for name, kind in inputs.items())
    return text_format.Parse(text, meta_graph_pb2.SignatureDef())


def read(body: object, **inputs: str) -> dict[str, Any]:
    found = inputs_of(read_predict(json.dumps(body).encode()), signature(**inputs))
    assert found.rows == ("instances" in body)  # type: ignore[operator]
    return {name: array.tolist() for name, array in found.arrays.items()}


@pytest.mark.parametrize(
    ("body", "inputs", "found"),
    [
        pytest.param({"instances": [1, 2.5]}, {"x": "DT_FLOAT"}, {"x": [1.0, 2.5]}, id="rows"),
        pytest.param(
            {"instances": [{"x": [1], "s": "a"}, {"x": [2], "s": {"b64": "YQA="}}]},
            {"x": "DT_INT64", "s": "DT_STRING"},
            {"x": [[1], [2]], "s": [b"a", b"a\0"]},
            id="named-rows",
        ),
        pytest.param({"instances": [{"b64": "YQ=="}]}, {"s": "DT_STRING"}, {"s": [b"a"]}, id="bytes-rows"),
        pytest.param({"inputs": 3}, {"x": "DT_INT32"}, {"x": 3}, id="scalar-column"),
        pytest.param({"inputs": {"b64": "YQ=="}}, {"s": "DT_STRING"}, {"s": b"a"}, id="bytes-column"),
        pytest.param(
            {"inputs": {"x": [True], "other": 1}}, {"x": "DT_BOOL"}, {"x": [True]}, id="unknown-column"
        ),
        pytest.param({"inputs": [[]]}, {"x": "DT_FLOAT"}, {"x": [[]]}, id="no-values"),
        pytest.param(
            {"inputs": ["true", "false"]}, {"s": "DT_STRING"}, {"s": [b"true", b"false"]}, id="words"
        ),
        pytest.param(
            {"inputs": {"x": [1, 2.5], "b": [[True]]}},
            {"x": "DT_DOUBLE", "b": "DT_BOOL"},
            {"x": [1.0, 2.5], "b": [[True]]},
            id="numbers-beside-bools",
        ),
        pytest.param(
            {"inputs": [float("inf"), -1.0]}, {"x": "DT_FLOAT"}, {"x": [float("inf"), -1.0]}, id="infinite"
        ),
    ],
)
def test_bodies(body: object, inputs: dict[str, str], found: object) -> None:
    assert read(body, **inputs) == found


TWO = {"x": "DT_FLOAT", "z": "DT_FLOAT"}


@pytest.mark.parametrize(
    ("body", "inputs", "message"),
    [
        pytest.param([], {"x": "DT_FLOAT"}, "Is not object", id="list"),
        pytest.param({"signature_name": 1}, {"x": "DT_FLOAT"}, "must be a string value", id="signature"),
        pytest.param({"inputs": 1, "instances": [1]}, {"x": "DT_FLOAT"}, "expecting only one of", id="both"),
        pytest.param({}, {"x": "DT_FLOAT"}, "Missing 'inputs' or 'instances' key", id="neither"),
        pytest.param({"instances": 1}, {"x": "DT_FLOAT"}, "to be an list/array", id="no-list"),
        pytest.param({"instances": []}, {"x": "DT_FLOAT"}, "No values in 'instances'", id="no-rows"),
        pytest.param({"instances": [1]}, TWO, "expecting list of objects", id="plain-rows"),
        pytest.param({"inputs": [1]}, TWO, "expecting an object", id="plain-column"),
        pytest.param({"inputs": {"x": 1}}, TWO, "Missing named input: z", id="missing-column"),
        pytest.param({"instances": [{"x": 1}]}, TWO, "keys must be equal to: x,z", id="missing-key"),
        pytest.param({"instances": [{"w": 1}]}, TWO, "not have named input: w", id="unknown-key"),
        pytest.param({"instances": [{"x": 1}, 2]}, {"x": "DT_FLOAT"}, "Expecting object", id="mixed"),
        pytest.param(
            {"instances": [1, {"x": 1}]}, {"x": "DT_FLOAT"}, "but got object at item 1", id="mixed2"
        ),
        pytest.param({"instances": ["a"]}, {"x": "DT_FLOAT"}, "not of expected type: float$", id="text"),
        pytest.param({"instances": [1.5]}, {"x": "DT_INT64"}, "not of expected type: int64", id="fraction"),
        pytest.param({"instances": [300]}, {"x": "DT_UINT8"}, "not of expected type: uint8", id="overflow"),
        pytest.param({"instances": [None]}, {"x": "DT_FLOAT"}, "not of expected type", id="null"),
        pytest.param({"instances": [2**24 + 1]}, {"x": "DT_FLOAT"}, "without loss of precision", id="lossy"),
        pytest.param({"instances": [1.0, True]}, {"x": "DT_FLOAT"}, "Type: True is not of", id="bool"),
        pytest.param({"instances": [1, 2]}, {"x": "DT_BOOL"}, "expected type: bool", id="number-as-bool"),
        pytest.param({"inputs": [1e39]}, {"x": "DT_FLOAT"}, "without loss of precision", id="too-large"),
        pytest.param({"inputs": 1}, {}, "Failed to get input map for signature: DEFAULT", id="no-inputs"),
        pytest.param({"instances": [[1], [1, 2]]}, {"x": "DT_FLOAT"}, "tensor size: 1 but", id="ragged"),
        pytest.param({"instances": [["a"], "b"]}, {"s": "DT_STRING"}, "Expecting shape", id="ragged-text"),
        pytest.param({"instances": [1]}, {"s": "DT_STRING"}, "not of expected type: string", id="number"),
        pytest.param({"instances": [{"b64": "!"}]}, {"s": "DT_STRING"}, "base64 decode", id="base64"),
        pytest.param({"inputs": 1}, {"c": "DT_COMPLEX64"}, "Conversion of JSON Value", id="complex"),
    ],
)
def test_what_is_refused(body: object, inputs: dict[str, str], message: str) -> None:
    with pytest.raises(Refusal, match=message):
        read(body, **inputs)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"instances": [1}'], ids=repr)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(Refusal, match="JSON Parse error"):
        read_predict(body)


@pytest.mark.parametrize(
    ("outputs", "rows", "told"),
    [
        pytest.param({"y": np.array([0.1, 2], np.float32)}, True, '{"predictions":[0.1,2.0]}', id="short"),
        pytest.param({"y": np.array(0.1, np.float32)}, False, '{"outputs":0.1}', id="scalar"),
        pytest.param(
            {"y": np.array([[1], [2]]), "z": np.array([True, False])},
            True,
            '{"predictions":[{"y":[1],"z":true},{"y":[2],"z":false}]}',
            id="named-rows",
        ),
        pytest.param(
            {"y": np.array([0.1, np.nan, np.inf], np.float32)},
            True,
            '{"predictions": [0.1, NaN, Infinity]}',
            id="nan",
        ),
        pytest.param(
            {"s": np.array([b"a"], object), "s_bytes": np.array([b"\xff"], object)},
            False,
            '{"outputs": {"s": ["a"], "s_bytes": [{"b64": "/w=="}]}}',
            id="text-and-bytes",
        ),
    ],
)
def test_answers(outputs: dict[str, Any], rows: bool, told: str) -> None:
    assert answer(outputs, rows=rows).decode() == told


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"y": np.array(1)}, "Tensor name: y has no shape information"),
        ({"y": np.ones(2), "z": np.ones(3)}, "z has inconsistent batch size: 3 expecting: 2"),
        ({}, "empty tensor map"),
    ],
)
def test_answers_that_are_no_rows(outputs: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal, match=message):
        answer(outputs, rows=True)
