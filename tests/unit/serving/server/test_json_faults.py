"""Which value is wrong, in the words of TensorFlow Serving's `util/json_tensor.cc`."""

import pytest
import tensorflow as tf

from pipeline_lib.serving.server.json_faults import column_fault, rows_fault, type_name
from pipeline_lib.serving.server.refusals import Status

ELEMENT = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: {}"
KEY = "Failed to process element: {} key: {} of 'instances' list. Error: INVALID_ARGUMENT: {}"


@pytest.mark.parametrize(
    ("rows", "types", "message"),
    [
        # AddValueToTensor, TypeError
        pytest.param(
            [1.0, "a"],
            {"x": "float32"},
            ELEMENT.format(1, 'JSON Value: "a" Type: String is not of expected type: float'),
            id="text",
        ),
        pytest.param(
            [None],
            {"x": "float64"},
            ELEMENT.format(0, "JSON Value: null Type: Null is not of expected type: double"),
            id="null",
        ),
        pytest.param(
            [1.0, True],
            {"x": "float32"},
            ELEMENT.format(1, "JSON Value: true Type: True is not of expected type: float"),
            id="bool-for-number",
        ),
        pytest.param(
            [0],
            {"x": "bool"},
            ELEMENT.format(0, "JSON Value: 0 Type: Number is not of expected type: bool"),
            id="number-for-bool",
        ),
        pytest.param(
            [2.0],
            {"x": "int64"},
            ELEMENT.format(0, "JSON Value: 2.0 Type: Number is not of expected type: int64"),
            id="fraction",
        ),
        pytest.param(
            [{"x": [1, -1], "s": "a"}],
            {"x": "uint32", "s": "string"},
            KEY.format(0, "x", "JSON Value: -1 Type: Number is not of expected type: uint32"),
            id="negative",
        ),
        pytest.param(
            [7],
            {"s": "string"},
            ELEMENT.format(0, "JSON Value: 7 Type: Number is not of expected type: string"),
            id="number-for-text",
        ),
        # LossyDecimalError
        pytest.param(
            [2**24],
            {"x": "float32"},
            ELEMENT.format(0, "Cannot convert JSON value: 16777216 to float without loss of precision."),
            id="lossy",
        ),
        pytest.param(
            [1e39],
            {"x": "float32"},
            ELEMENT.format(0, "Cannot convert JSON value: 1e+39 to float without loss of precision."),
            id="too-large",
        ),
        # FillTensorProto
        pytest.param(
            [[1, [2]]],
            {"x": "int32"},
            ELEMENT.format(0, "Encountered list at unexpected level: 1 expected < 1"),
            id="too-deep",
        ),
        pytest.param(
            [[[1], 2]],
            {"x": "int32"},
            ELEMENT.format(
                0, "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"
            ),
            id="too-shallow",
        ),
        pytest.param(
            [[[1], [2, 3]]],
            {"x": "int32"},
            ELEMENT.format(0, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
            id="ragged-row",
        ),
        pytest.param(
            [{"x": {"b64": 1}}],
            {"x": "string"},
            KEY.format(
                0,
                "x",
                'JSON Value: {\n    "b64": 1\n} not formatted correctly for base64 data',
            ),
            id="no-base64-object",
        ),
        pytest.param(
            [{"b64": "!"}], {"s": "string"}, ELEMENT.format(0, "Unable to base64 decode"), id="no-base64"
        ),
        # AddInstanceItem
        pytest.param(
            [[1], [1, 2]],
            {"x": "float32"},
            ELEMENT.format(1, "Expecting tensor size: 1 but got: 2"),
            id="ragged",
        ),
        pytest.param(
            [[[1, 2]], [[1], [2]]],
            {"x": "float32"},
            ELEMENT.format(1, "Expecting shape [1,2] but got: [2,1]"),
            id="other-shape",
        ),
        pytest.param(
            [{"w": 1}],
            {"x": "float32"},
            KEY.format(0, "w", "JSON object: does not have named input: w"),
            id="unknown-input",
        ),
        # FillTensorMapFromInstancesList
        pytest.param(
            [{"x": 1}],
            {"x": "float32", "z": "float32"},
            "Failed to process element: 0 of 'instances' list. JSON object: {\n    \"x\": 1\n} keys must be "
            "equal to: x,z",
            id="missing-key",
        ),
        pytest.param(
            [{"x": 1}, 2],
            {"x": "float32"},
            "Expecting object but got list at item 1 of input list",
            id="mixed",
        ),
        pytest.param(
            [1, {"x": 1}],
            {"x": "float32"},
            "Expecting value/list but got object at item 1 of input list",
            id="mixed-the-other-way",
        ),
    ],
)
def test_rows(rows: list[object], types: dict[str, str], message: str) -> None:
    fault = rows_fault(rows, {name: tf.dtypes.as_dtype(kind) for name, kind in types.items()})
    assert fault is not None
    assert (fault.status, fault.message) == (Status.INVALID_ARGUMENT, message)


def test_columns_are_told_of_without_their_row() -> None:
    fault = column_fault([1, [2]], tf.int32)
    assert fault is not None
    assert fault.message == "Encountered list at unexpected level: 1 expected < 1"
    complexes = column_fault([1], tf.complex64)
    assert complexes is not None
    assert complexes.status is Status.UNIMPLEMENTED
    assert complexes.message == "Conversion of JSON Value: 1 to type: complex64"
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    too_deep = column_fault(deep, tf.float32)
    assert too_deep is not None
    assert too_deep.message == "Shape must have at most 254 dimensions"


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2.5, float("nan"), float("inf")], tf.float32),
        ([[2**24 - 1, -(2**24) + 1]], tf.float32),
        ([2**53 - 1], tf.float64),
        ([True, False], tf.bool),
        (["true", {"b64": "YQ=="}], tf.string),
        ([2**64 - 1], tf.uint64),
        ([[]], tf.int8),
    ],
)
def test_what_fits(value: list[object], dtype: "tf.DType") -> None:
    assert column_fault(value, dtype) is None
    assert rows_fault(value, {"x": dtype}) is None


def test_types_have_the_names_of_cpp() -> None:
    names = [type_name(one) for one in (tf.float16, tf.float32, tf.float64, tf.int64, tf.string, tf.bool)]
    assert names == ["half", "float", "double", "int64", "string", "bool"]
