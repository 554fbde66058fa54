"""Which signatures are classifications and regressions, and what their tensors must look like."""

from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2

from pipeline_lib.serving.server.inference import (
    CLASSIFY,
    REGRESS,
    Method,
    classes,
    classification,
    examples_of,
    of_method,
    regression,
    values,
)
from pipeline_lib.serving.server.refusals import Refusal


def signature(method: str, *outputs: str, inputs: tuple[str, ...] = ("inputs",)) -> Any:
    parts = [f'method_name: "{method}"']
    parts += [f'inputs {{ key: "{name}" value {{ name: "{name}:0" }} }}' for name in inputs]
    parts += [f'outputs {{ key: "{name}" value {{ name: "{name}:0" }} }}' for name in outputs]
    return text_format.Parse(" ".join(parts), meta_graph_pb2.SignatureDef())


def test_tensors() -> None:
    found = of_method(signature(CLASSIFY, "classes", "scores"), CLASSIFY)
    assert (found.feed, found.fetches) == ("inputs:0", ["classes:0", "scores:0"])
    assert of_method(signature(REGRESS, "outputs"), REGRESS).fetches == ["outputs:0"]
    with pytest.raises(Refusal, match="Unsupported signature method_name: other"):
        of_method(signature("other", "outputs"), "other")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (signature(REGRESS, "outputs"), f"method_name to be {CLASSIFY}. Was: {REGRESS}"),
        (signature(CLASSIFY, "scores", inputs=("inputs", "more")), "Expected one input Tensor"),
        (signature(CLASSIFY, "scores", inputs=("x",)), "No classification inputs found"),
        (signature(CLASSIFY, "a", "b", "c"), "one or two output Tensors, found 3"),
        (signature(CLASSIFY, "a"), 'at least one of "classes" or "scores"'),
    ],
)
def test_no_classification(given: Any, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        classification(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (signature(REGRESS, "outputs", "more"), "Expected one output Tensor"),
        (signature(REGRESS, "y"), "No regression outputs found"),
    ],
)
def test_no_regression(given: Any, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        regression(given)


SCORES = Method(feed="i", scores="s")
BOTH = Method(feed="i", classes="c", scores="s")
LABELS = np.array([[b"a", b"b"]], object)


def test_classes() -> None:
    scores = np.array([[0.25, 0.75]], np.float32)
    assert classes(BOTH, [LABELS, scores], 1) == [[("a", 0.25), ("b", 0.75)]]
    assert classes(SCORES, [scores], 1) == [[("", 0.25), ("", 0.75)]]
    assert classes(Method(feed="i", classes="c"), [LABELS], 1) == [[("a", 0.0), ("b", 0.0)]]


@pytest.mark.parametrize(
    ("method", "found", "message"),
    [
        (SCORES, [np.ones(2, np.float32)], "Expected Tensor shape: .* but got .2."),
        (SCORES, [np.ones([1, 2])], "scores Tensor of DT_FLOAT. Got: float64"),
        (SCORES, [np.ones([2, 2], np.float32)], "scores output batch size of 1. Got: 2"),
        (BOTH, [LABELS, np.ones([1, 3], np.float32)], "should match in dim_size.1.. Got 2 vs. 3"),
    ],
)
def test_tensors_that_are_no_classes(method: Method, found: list[Any], message: str) -> None:
    with pytest.raises(Refusal, match=message):
        classes(method, found, 1)


def test_values() -> None:
    method = Method(feed="i", outputs="o")
    assert values(method, [np.array([[1.5], [2.5]], np.float32)], 2) == [1.5, 2.5]
    for found, message in (
        (np.ones([1, 2], np.float32), "either .batch_size. or"),
        (np.ones(3, np.float32), "1 vs. 3"),
        (np.ones(1), "DT_FLOAT"),
    ):
        with pytest.raises(Refusal, match=message):
            values(method, [found], 1)


def test_no_examples() -> None:
    with pytest.raises(Refusal, match="Input is empty"):
        examples_of(input_pb2.Input())
