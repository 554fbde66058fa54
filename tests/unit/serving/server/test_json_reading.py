"""Bodies that are no JSON are refused in the words of RapidJSON, TensorFlow Serving's parser."""

import pytest

from pipeline_lib.serving.server.json_reading import (
    base64_bytes,
    is_bytes,
    json_type,
    read_object,
    shown,
    signature_name,
)
from pipeline_lib.serving.server.refusals import Refusal, Status


@pytest.mark.parametrize(
    ("body", "said"),
    [
        # The texts: rapidjson/error/en.h; how they are told: ParseJson in util/json_tensor.cc.
        pytest.param(b"", "The document is empty", id="empty"),
        pytest.param(b"  ", "The document is empty. at offset: 2", id="spaces"),
        pytest.param(b'{"a": 1} x', "The document root must not be followed by other values. at offset: 9"),
        pytest.param(b'{"a": no}', "Invalid value. at offset: 6"),
        pytest.param(b"{a: 1}", "Missing a name for object member. at offset: 1"),
        pytest.param(b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        pytest.param(b'{"a": 1 "b": 2}', "Missing a comma or } after an object member. at offset: 8"),
        pytest.param(b'{"a": [1, 2', "Missing a comma or ] after an array element. at offset: 11"),
        pytest.param(
            b'{"[\\"": {}, "a": [1 2]}', "Missing a comma or ] after an array element. at offset: 20"
        ),
        pytest.param(b'{"a": "b', "Missing a closing quotation mark in string. at offset: 6"),
        pytest.param(b'{"a": "\\x"}', "Invalid escape character in string. at offset: 7"),
        pytest.param(b'{"a": "\\u00g0"}', "Incorrect hex digit after \\u escape in string. at offset: 8"),
        pytest.param(b'{"a": "\n"}', "Invalid encoding in string. at offset: 7", id="newline"),
        pytest.param(b'{"a": "\xff"}', "Invalid encoding in string. at offset: 7", id="latin"),
        pytest.param('{"é": no}'.encode(), "Invalid value. at offset: 7", id="offsets-are-bytes"),
        pytest.param(b'{"a": ' + b"[" * 100_000, "it is nested too deeply", id="deep"),
    ],
)
def test_what_is_no_json(body: bytes, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_object(body)
    assert refused.value.message == f"JSON Parse error: {said}"
    assert refused.value.status is Status.INVALID_ARGUMENT


def test_numbers_that_are_none_are_read() -> None:
    found = read_object(b'{"a": [NaN, Infinity, -Infinity, 1e400]}')["a"]
    assert found[0] != found[0]
    assert found[1:] == [float("inf"), -float("inf"), float("inf")]


def test_signature_names_are_text() -> None:
    assert signature_name({}) == ""
    with pytest.raises(Refusal, match="'signature_name' key must be a string value"):
        signature_name({"signature_name": 100})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "Null"),
        (True, "True"),
        (False, "False"),
        ({}, "Object"),
        ([], "Array"),
        ("", "String"),
        (1, "Number"),
        (0.5, "Number"),
    ],
)
def test_names_of_types(value: object, kind: str) -> None:
    assert json_type(value) == kind


def test_bytes() -> None:
    assert is_bytes({"b64": "YQ=="})
    assert not is_bytes({"b64": "YQ==", "more": 1})
    assert not is_bytes({"b64": 1})
    assert base64_bytes({"b64": "YQA="}) == b"a\0"
    with pytest.raises(Refusal, match="Unable to base64 decode"):
        base64_bytes({"b64": "!"})


def test_long_values_are_shown_from_their_beginning() -> None:
    assert shown({"a": [1, "é"]}) == '{\n    "a": [\n        1,\n        "é"\n    ]\n}'
    assert len(shown(list(range(10_000)))) == 203
