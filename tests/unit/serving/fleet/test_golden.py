"""Golden answers: what differs is told, what is only rounding is not."""

import math

import pytest

from pipeline_lib.errors import PushUndoneError
from pipeline_lib.serving.fleet.golden import (
    Column,
    GoldenRequest,
    as_bytes,
    as_sent,
    differences,
    from_text,
    plain,
    requests_in,
    to_text,
)


def expected(*values: object, dtype: str = "float32") -> dict[str, Column]:
    return {"y": Column(dtype=dtype, values=list(values))}


def test_a_file_is_read_as_it_was_written() -> None:
    text = Column(dtype="string", values=[["a"], [{"b64": "/w=="}]])
    request = GoldenRequest(signature="columns", inputs={"t": text}, outputs=expected(1.0, math.inf))
    assert from_text(to_text([request])) == [request]


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"requests": [{}]}', b'{"requests": [{"signature": 1}]}'])
def test_a_damaged_file_is_no_pass(text: bytes) -> None:
    with pytest.raises(PushUndoneError, match="golden requests of the model are damaged"):
        requests_in(text)


def test_no_file_is_no_request() -> None:
    assert requests_in(b"") == []


@pytest.mark.parametrize(
    ("values", "given", "told"),
    [
        pytest.param([1.0, 2.0], [1.0, 2.000001], [], id="rounding"),
        pytest.param([math.nan], [math.nan], [], id="nan"),
        pytest.param([1.0], [1.1], ["y is 1.1 instead of 1.0"], id="number"),
        pytest.param([1.0], [math.nan], ["y is nan instead of 1.0"], id="nan-instead"),
        pytest.param(["a"], [{"b64": "YQ=="}], [], id="bytes-are-text"),
        pytest.param([1.0, 2.0], [1.0], ["y has shape (1,) instead of (2,)"], id="rows"),
        pytest.param([[1.0]], [1.0], ["y has shape (1,) instead of (1, 1)"], id="rank"),
        pytest.param(
            [0.0] * 5,
            [1.0] * 5,
            ["y is 1.0 instead of 0.0"] * 3 + ["y differs in 5 of 5 values"],
            id="many",
        ),
    ],
)
def test_differences(values: list[object], given: list[object], told: list[str]) -> None:
    assert differences(expected(*values), {"y": given}, tolerance=1e-5) == told


def test_a_missing_output_is_told() -> None:
    assert differences(expected(1.0), {"z": [1.0]}, tolerance=1e-5) == ["y is missing"]


def test_text_travels_as_bytes() -> None:
    assert plain([b"a", b"\xff"]) == ["a", {"b64": "/w=="}]
    assert as_sent(["a", 1.5]) == [{"b64": "YQ=="}, 1.5]
    assert as_bytes(["a", {"b64": "/w=="}, 2]) == [b"a", b"\xff", 2]
