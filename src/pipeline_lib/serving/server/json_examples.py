"""The bodies of `:classify` and `:regress`: JSON objects to tf.Examples, and results to JSON."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline_lib.serving.server.inference import Classes
from pipeline_lib.serving.server.json_reading import (
    base64_bytes,
    is_bytes,
    json_type,
    read_object,
    shown,
    signature_name,
)
from pipeline_lib.serving.server.refusals import Refusal, invalid

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64", None: "UNKNOWN"}
_INT64 = 2**63


def read_examples(body: bytes) -> tuple[str, list[bytes]]:
    """Read a request to classify or regress.

    Returns:
        The name of the signature ("" for the default) and serialised examples, the context part of each.

    Raises:
        Refusal: INVALID_ARGUMENT if it is not JSON, has no examples, or a feature mixes types.
    """
    content = read_object(body)
    name = signature_name(content)
    shared = _example(content["context"]).SerializeToString() if "context" in content else b""
    if "examples" not in content:
        raise invalid(
            f"JSON Value: {shown(content)} When method is classify, key 'examples' is expected and was "
            "not found"
        )
    examples = content["examples"]
    if not isinstance(examples, list):
        raise invalid(f"JSON Value: {shown(content)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise invalid(f"JSON Value: {shown(content)} 'examples' value is an empty array")
    # Messages one after the other are one message: its maps are merged, the later entry wins.
    return name, [shared + _example(one).SerializeToString() for one in examples]


def classified(found: Sequence[Classes]) -> bytes:
    """The answer to a classification: pairs of label and score, row by row."""
    return _results([[[label, _short(score)] for label, score in row] for row in found])


def regressed(found: Sequence[float]) -> bytes:
    """The answer to a regression: a number a row."""
    return _results([_short(value) for value in found])


def _results(found: list[Any]) -> bytes:
    return json.dumps({"results": found}, ensure_ascii=False).encode()


def _short(value: float) -> float:
    # The digits of a float32, not those that it has as a float64.
    return float(str(np.float32(value)))


def _example(content: Any) -> Any:
    if not isinstance(content, dict):
        raise invalid(f"Example must be JSON object but got JSON {json_type(content)}")
    example = tf.train.Example()
    for name, values in content.items():
        # An empty list is a feature without a kind.
        feature = example.features.feature[name]
        for value in values if isinstance(values, list) else [values]:
            _add(feature, name, value)
    return example


def _add(feature: Any, name: str, value: Any) -> None:
    if is_bytes(value):
        _checked(feature, name, "bytes_list").append(base64_bytes(value))
    elif isinstance(value, str):
        _checked(feature, name, "bytes_list").append(value.encode())
    elif isinstance(value, bool):
        _checked(feature, name, "int64_list").append(int(value))
    elif isinstance(value, int):
        values = _checked(feature, name, "int64_list")
        if not -_INT64 <= value < _INT64:
            raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
        values.append(value)
    elif isinstance(value, float):
        values = _checked(feature, name, "float_list")
        if np.isfinite(value) and abs(value) > np.finfo(np.float32).max:
            raise invalid(f"Cannot convert JSON value: {value} to float without loss of precision.")
        values.append(value)
    else:
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {json_type(value)}")


def _checked(feature: Any, name: str, kind: str) -> Any:
    if feature.WhichOneof("kind") not in {None, kind}:
        raise _mixed(feature, name)
    return getattr(feature, kind).value


def _mixed(feature: Any, name: str) -> Refusal:
    kind = _KINDS[feature.WhichOneof("kind")]
    return invalid(f"Unexpected element type in feature: {name} expecting type: {kind}")
