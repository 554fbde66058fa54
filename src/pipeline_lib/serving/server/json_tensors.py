"""JSON to arrays and back, as TensorFlow Serving's REST interface has them: row and columnar format."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import tensorflow as tf

from pipeline_lib.serving.server.refusals import Refusal, Status, invalid

Array = np.ndarray[Any, Any]

_BYTES = "_bytes"
_KINDS = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}
_WIDE_FLOAT = 8


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


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body that must be a JSON object; NaN and Infinity are numbers, as in TensorFlow Serving.

    Raises:
        Refusal: INVALID_ARGUMENT if it is not one.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = _loosely_read(body)
    if not isinstance(content, dict):
        raise invalid(f"JSON Value: {shown(content)} Is not object")
    return content


def signature_name(content: Mapping[str, Any]) -> str:
    """The signature that a body names; "" if it names none.

    Raises:
        Refusal: INVALID_ARGUMENT if that is no text.
    """
    name = content.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid(
            f"JSON Value: {shown(content)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def read_predict(body: bytes) -> PredictBody:
    """Read the body of a `:predict` request.

    Raises:
        Refusal: INVALID_ARGUMENT if it is not JSON or not of one of the two forms.
    """
    content = read_object(body)
    name = signature_name(content)
    has_rows, has_columns = "instances" in content, "inputs" in content
    if has_rows and has_columns:
        raise invalid(
            f"JSON Value: {shown(content)} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    if not has_rows and not has_columns:
        raise invalid("Missing 'inputs' or 'instances' key")
    data = content["instances" if has_rows else "inputs"]
    if has_rows and not isinstance(data, list):
        raise invalid(f"JSON Value: {shown(content)} Excepting 'instances' to be an list/array")
    if has_rows and not data:
        raise invalid(f"JSON Value: {shown(content)} No values in 'instances' array")
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
    return {
        name: _array(columns[name], tf.dtypes.as_dtype(info.dtype)) for name, info in signature.inputs.items()
    }


def answer(outputs: Mapping[str, Array], *, rows: bool) -> bytes:
    """The body of an answer.

    Raises:
        Refusal: INVALID_ARGUMENT if rows are wanted and outputs have no common first dimension.
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    if rows:
        _require_rows(outputs)
    # The fast writer has no NaN, no text as bytes and, of numbers, only those that numpy and JSON share.
    plain = all(_plain(array) for array in outputs.values())
    values = {name: _written(array) if plain else _json(array, name) for name, array in outputs.items()}
    told: Any
    if len(values) == 1:
        told = next(iter(values.values()))
    elif rows:
        told = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    else:
        told = values
    content = {"predictions" if rows else "outputs": told}
    if plain:
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def _written(array: Array) -> Any:
    # The writer takes numpy's scalars, and arrays whose values lie in a row.
    return np.ascontiguousarray(array) if array.ndim else array[()]


def _plain(array: Array) -> bool:
    kind = array.dtype.kind
    return kind in "iub" or (kind == "f" and bool(np.isfinite(array).all()))


def _require_rows(outputs: Mapping[str, Array]) -> None:
    expected = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if expected is not None and len(array) != expected:
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {expected}"
            )
        expected = len(array)


def _loosely_read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error


def is_bytes(value: Any) -> bool:
    """Whether a JSON value is bytes in base64: `{"b64": "..."}` and nothing else."""
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def _from_rows(rows: list[Any], signature: Any) -> dict[str, Any]:
    first = rows[0]
    if not isinstance(first, dict) or is_bytes(first):
        if len(signature.inputs) != 1:
            raise invalid(
                "instances is a plain list, but expecting list of objects as multiple input tensors required "
                "as per tensorinfo_map"
            )
        for number, row in enumerate(rows):
            if isinstance(row, dict) and not is_bytes(row):
                raise invalid(f"Expecting value/list but got object at item {number} of input list")
        return {next(iter(signature.inputs)): rows}
    names = set(signature.inputs)
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or is_bytes(row):
            raise invalid(f"Expecting object but got list at item {number} of input list")
        if row.keys() != names:
            raise _wrong_keys(row, names, number)
    return {name: [row[name] for row in rows] for name in names}


def _wrong_keys(row: Mapping[str, Any], names: set[str], number: int) -> Refusal:
    unknown = next((name for name in row if name not in names), None)
    if unknown is not None:
        return invalid(
            f"Failed to process element: {number} key: {unknown} of 'instances' list. Error: "
            f"INVALID_ARGUMENT: JSON object: does not have named input: {unknown}"
        )
    return invalid(
        f"Failed to process element: {number} of 'instances' list. JSON object: {shown(row)} keys must be "
        f"equal to: {','.join(sorted(names))}"
    )


def _from_columns(data: Any, signature: Any) -> dict[str, Any]:
    if isinstance(data, dict) and not is_bytes(data):
        for name in signature.inputs:
            if name not in data:
                raise invalid(f"Missing named input: {name} in 'inputs' object.")
        return data
    if len(signature.inputs) != 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map"
        )
    return {next(iter(signature.inputs)): data}


def _array(value: Any, dtype: Any) -> Array:
    if dtype == tf.string:
        found = np.array(_texts(value), dtype=object)
        # Ragged lists come out as arrays of lists.
        if any(isinstance(item, list) for item in found.flat):
            raise invalid(f"JSON Value: {shown(value)} Encountered list at unexpected size")
        return found
    wanted = np.dtype(dtype.as_numpy_dtype)
    if wanted.kind not in _KINDS:
        raise Refusal(Status.UNIMPLEMENTED, f"Conversion of JSON Value to type: {dtype.name}")
    try:
        found = np.array(value)
    except (ValueError, OverflowError) as error:
        raise invalid(f"JSON Value: {shown(value)} Encountered list at unexpected size: {error}") from error
    if found.size:
        _require_type(found, wanted, value, dtype)
    return found.astype(wanted)


def _require_type(found: Array, wanted: np.dtype[Any], value: Any, dtype: Any) -> None:
    fits = found.dtype.kind in _KINDS[wanted.kind]
    if fits and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        fits = limits.min <= found.min() and found.max() <= limits.max
    if not fits:
        raise invalid(f"JSON Value: {shown(value)} is not of expected type: {dtype.name}")
    if wanted.kind == "f" and found.dtype.kind in "iu":
        largest = 2 ** (np.finfo(wanted).nmant + 1) - 1
        if found.max() > largest or found.min() < -largest:
            raise invalid(
                f"Cannot convert JSON value: {shown(value)} to {dtype.name} without loss of precision."
            )


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, str):
        return value.encode()
    if not is_bytes(value):
        kind = (
            "not formatted correctly for base64 data"
            if isinstance(value, dict)
            else "is not of expected type: string"
        )
        raise invalid(f"JSON Value: {shown(value)} {kind}")
    return base64_bytes(value)


def base64_bytes(value: Mapping[str, str]) -> bytes:
    """What a value that `is_bytes` stands for.

    Raises:
        Refusal: INVALID_ARGUMENT if it is not base64.
    """
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("Unable to base64 decode") from error


def _json(array: Array, name: str) -> Any:
    if array.dtype.kind == "O":
        return _text_json(array.tolist(), as_bytes=name.endswith(_BYTES))
    if array.dtype.kind == "f" and array.dtype.itemsize < _WIDE_FLOAT:
        # By way of text, so that a float32 0.1 is 0.1 and not 0.10000000149011612.
        return array.astype("U32").astype(np.float64).tolist()
    return array.tolist()


def _text_json(value: Any, *, as_bytes: bool) -> Any:
    if isinstance(value, list):
        return [_text_json(item, as_bytes=as_bytes) for item in value]
    if as_bytes:
        return {"b64": base64.b64encode(value).decode()}
    return value.decode("utf-8", errors="replace")


def shown(value: Any) -> str:
    """The beginning of a value, for the message that refuses it."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 200 else f"{text[:200]}..."
