"""JSON to arrays and back, as TensorFlow Serving's REST interface has them: row and columnar format."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline_lib.serving.server.refusals import Refusal, Status, invalid

Array = np.ndarray[Any, Any]

_BYTES = "_bytes"
_KINDS = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictBody:
    """A request to predict, before its model's types are known.

    Attributes:
        rows: Whether it came as `instances`, so that the answer goes as `predictions`.
        data: The value of `instances` or `inputs`.
    """

    signature_name: str
    rows: bool
    data: Any


def read_predict(body: bytes) -> PredictBody:
    """Read the body of a `:predict` request.

    Raises:
        Refusal: INVALID_ARGUMENT if it is not JSON or not of one of the two forms.
    """
    content = _parsed(body)
    name = content.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid(
            f"JSON Value: {_shown(content)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    has_rows, has_columns = "instances" in content, "inputs" in content
    if has_rows and has_columns:
        raise invalid(
            f"JSON Value: {_shown(content)} Not formatted correctly. Expecting one of 'inputs' "
            "or 'instances' keys, not both."
        )
    if not has_rows and not has_columns:
        raise invalid(f"JSON Value: {_shown(content)} Missing 'inputs' or 'instances' key")
    data = content["instances" if has_rows else "inputs"]
    if has_rows and not isinstance(data, list):
        raise invalid(f"JSON Value: {_shown(data)} Expecting 'instances' to be a list/array")
    if has_rows and not data:
        raise invalid(f"JSON Value: {_shown(content)} No values in 'instances' array")
    return PredictBody(signature_name=name, rows=has_rows, data=data)


def arrays(body: PredictBody, signature: Any) -> dict[str, Array]:
    """The inputs of a request, in the signature's types.

    Args:
        body: What `read_predict` gave.
        signature: A SignatureDef.

    Raises:
        Refusal: INVALID_ARGUMENT for wrong names, types or ragged lists.
    """
    columns = _from_rows(body.data, signature) if body.rows else _from_columns(body.data, signature)
    found = {}
    for name, value in columns.items():
        if name not in signature.inputs:
            raise invalid(f"JSON object: does not have named input: {name}")
        found[name] = _array(value, tf.dtypes.as_dtype(signature.inputs[name].dtype))
    missing = sorted(set(signature.inputs) - set(found))
    if missing:
        place = "instances" if body.rows else "inputs"
        raise invalid(f"Missing named input: {missing[0]} in '{place}' object.")
    return found


def answer(outputs: Mapping[str, Array], *, rows: bool) -> dict[str, Any]:
    """The body of an answer.

    Raises:
        Refusal: INVALID_ARGUMENT if rows are wanted and outputs have no common first dimension.
    """
    if not rows:
        values = {name: _json(array, name) for name, array in outputs.items()}
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    sizes = {name: array.shape[0] if array.ndim else None for name, array in outputs.items()}
    expected = next(iter(sizes.values()))
    for name, size in sizes.items():
        if size is None:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if size != expected:
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {size} expecting: {expected}")
    columns = {name: _json(array, name) for name, array in outputs.items()}
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    names = list(columns)
    return {
        "predictions": [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    }


def _parsed(body: bytes) -> dict[str, Any]:
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        content = json.loads(body)
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(content, dict):
        raise invalid(f"JSON Value: {_shown(content)} Is not object")
    return content


def _is_bytes(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def _from_rows(rows: list[Any], signature: Any) -> dict[str, Any]:
    if not isinstance(rows[0], dict) or _is_bytes(rows[0]):
        return {_only_input(signature): rows}
    names = set(rows[0])
    for row in rows:
        if not isinstance(row, dict):
            raise invalid(f"JSON Value: {_shown(row)} Type: is not an object: expecting only objects")
        if set(row) != names:
            raise invalid(
                f"Failed to process element of 'instances' list. JSON object: {_shown(row)} has other "
                f"keys than the first: {', '.join(sorted(names))}"
            )
    return {name: [row[name] for row in rows] for name in rows[0]}


def _from_columns(data: Any, signature: Any) -> dict[str, Any]:
    if isinstance(data, dict) and not _is_bytes(data):
        return data
    return {_only_input(signature): data}


def _only_input(signature: Any) -> str:
    if len(signature.inputs) != 1:
        raise invalid(
            f"inputs is a plain value/list, but expecting an object as multiple input tensors required "
            f"as per tensorinfo_map: {', '.join(sorted(signature.inputs))}"
        )
    return str(next(iter(signature.inputs)))


def _array(value: Any, dtype: Any) -> Array:
    if dtype == tf.string:
        found = np.array(_texts(value), dtype=object)
        # Ragged lists come out as arrays of lists.
        if any(isinstance(item, list) for item in found.flat):
            raise invalid(f"JSON Value: {_shown(value)} Encountered list at unexpected size")
        return found
    wanted = np.dtype(dtype.as_numpy_dtype)
    if wanted.kind not in _KINDS:
        raise Refusal(Status.UNIMPLEMENTED, f"Conversion of JSON Value to type: {dtype.name}")
    try:
        found = np.array(value)
    except (ValueError, OverflowError) as error:
        raise invalid(f"JSON Value: {_shown(value)} Encountered list at unexpected size: {error}") from error
    if found.size and found.dtype.kind not in _KINDS[wanted.kind]:
        raise invalid(f"JSON Value: {_shown(value)} is not of expected type: {dtype.name}")
    if found.size and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if found.min() < limits.min or found.max() > limits.max:
            raise invalid(f"JSON Value: {_shown(value)} is not of expected type: {dtype.name}")
    return found.astype(wanted)


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, str):
        return value.encode()
    if not _is_bytes(value):
        kind = (
            "not formatted correctly for base64 data"
            if isinstance(value, dict)
            else "is not of expected type: string"
        )
        raise invalid(f"JSON Value: {_shown(value)} {kind}")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except binascii.Error as error:
        raise invalid("Unable to base64 decode") from error


def _json(array: Array, name: str) -> Any:
    if array.dtype.kind == "O":
        return _text_json(array.tolist(), as_bytes=name.endswith(_BYTES))
    if array.dtype.kind == "f" and array.dtype.itemsize < 8:
        # By way of text, so that a float32 0.1 is 0.1 and not 0.10000000149011612.
        return array.astype("U32").astype(np.float64).tolist()
    return array.tolist()


def _text_json(value: Any, *, as_bytes: bool) -> Any:
    if isinstance(value, list):
        return [_text_json(item, as_bytes=as_bytes) for item in value]
    if as_bytes:
        return {"b64": base64.b64encode(value).decode()}
    return value.decode("utf-8", errors="replace")


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 200 else f"{text[:200]}..."
