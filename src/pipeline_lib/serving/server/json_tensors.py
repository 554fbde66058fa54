"""JSON to arrays and back, as TensorFlow Serving's REST interface has them: row and columnar format."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import tensorflow as tf

from pipeline_lib.serving.server.json_faults import column_fault, rows_fault, type_name
from pipeline_lib.serving.server.json_reading import (
    base64_bytes,
    is_bytes,
    read_object,
    shown,
    signature_name,
)
from pipeline_lib.serving.server.refusals import Refusal, Status, invalid

Array = np.ndarray[Any, Any]

_BYTES = "_bytes"
_KINDS = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}
_WIDE_FLOAT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictBody:
    """A request to predict, before its model is known.

    Attributes:
        has_bools: Whether `true` or `false` stands anywhere in it, which numpy takes for numbers.
    """

    signature_name: str
    content: Mapping[str, Any]
    has_bools: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The inputs of a request, in the types of its signature.

    Attributes:
        rows: Whether it came as `instances`, so that the answer goes as `predictions`.
    """

    rows: bool
    arrays: Mapping[str, Array]


def read_predict(body: bytes) -> PredictBody:
    """Read the body of a `:predict` request.

    Raises:
        Refusal: INVALID_ARGUMENT if it is no JSON object, or names its signature by something else than text.
    """
    content = read_object(body)
    return PredictBody(
        signature_name=signature_name(content),
        content=content,
        has_bools=b"true" in body or b"false" in body,
    )


def inputs_of(body: PredictBody, signature: Any) -> Given:
    """The inputs of a request.

    Args:
        body: What `read_predict` gave.
        signature: A SignatureDef.

    Raises:
        Refusal: INVALID_ARGUMENT if it is not of one of the two forms, or for wrong names, types or shapes.
    """
    if not signature.inputs:
        raise invalid(f"Failed to get input map for signature: {body.signature_name or 'DEFAULT'}")
    rows = _is_rows(body.content)
    types = {name: tf.dtypes.as_dtype(info.dtype) for name, info in signature.inputs.items()}
    columns: Mapping[str, Any]
    if rows:
        given = body.content["instances"]
        columns = _from_rows(given, types)
    else:
        columns = _from_columns(body.content["inputs"], types)
    arrays = {}
    for name, dtype in types.items():
        try:
            if body.has_bools and dtype not in {tf.bool, tf.string}:
                raise _UnfitError
            arrays[name] = _array(columns[name], dtype)
        except _UnfitError as error:
            refusal = rows_fault(given, types) if rows else column_fault(columns[name], dtype)
            if refusal is not None:
                raise refusal from error
            arrays[name] = _exactly(columns[name], dtype)
    return Given(rows=rows, arrays=arrays)


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


def _is_rows(content: Mapping[str, Any]) -> bool:
    if "instances" not in content:
        if "inputs" not in content:
            raise invalid("Missing 'inputs' or 'instances' key")
        return False
    if "inputs" in content:
        raise invalid(
            f"JSON Value: {shown(content)} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    if not isinstance(content["instances"], list):
        raise invalid(f"JSON Value: {shown(content)} Excepting 'instances' to be an list/array")
    if not content["instances"]:
        raise invalid(f"JSON Value: {shown(content)} No values in 'instances' array")
    return True


def _from_rows(rows: list[Any], types: Mapping[str, Any]) -> dict[str, Any]:
    first = rows[0]
    if not isinstance(first, dict) or is_bytes(first):
        if len(types) != 1:
            raise invalid(
                "instances is a plain list, but expecting list of objects as multiple input tensors required "
                "as per tensorinfo_map"
            )
        return {next(iter(types)): rows}
    if any(not isinstance(row, dict) or row.keys() != types.keys() for row in rows):
        fault = rows_fault(rows, types)
        assert fault is not None  # noqa: S101  wrong keys are one
        raise fault
    return {name: [row[name] for row in rows] for name in types}


def _from_columns(data: Any, types: Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(data, dict) and not is_bytes(data):
        for name in types:
            if name not in data:
                raise invalid(f"Missing named input: {name} in 'inputs' object.")
        return data
    if len(types) != 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map"
        )
    return {next(iter(types)): data}


class _UnfitError(Exception):
    """Some value does not fit, or it takes a closer look to tell."""


def _array(value: Any, dtype: Any) -> Array:
    if dtype == tf.string:
        found = np.array(_texts(value), dtype=object)
        # Ragged lists come out as arrays of lists.
        if any(isinstance(item, list) for item in found.flat):
            raise _UnfitError
        return found
    wanted = np.dtype(dtype.as_numpy_dtype)
    if wanted.kind not in _KINDS:
        raise Refusal(
            Status.UNIMPLEMENTED, f"Conversion of JSON Value: {shown(value)} to type: {type_name(dtype)}"
        )
    try:
        found = np.array(value)
    except (ValueError, OverflowError) as error:
        raise _UnfitError from error
    if found.size and not _fits(found, wanted):
        raise _UnfitError
    return found.astype(wanted)


def _fits(found: Array, wanted: np.dtype[Any]) -> bool:
    if found.dtype.kind not in _KINDS[wanted.kind]:
        return False
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        return bool(limits.min <= found.min() and found.max() <= limits.max)
    if wanted.kind == "f":
        kept = np.finfo(wanted)
        largest = 2 ** (kept.nmant + 1) - 1 if found.dtype.kind in "iu" else kept.max
        if found.min() >= -largest and found.max() <= largest:
            return True
        finite = found[np.isfinite(found)]
        return bool((np.abs(finite) <= largest).all())
    return True


def _exactly(value: Any, dtype: Any) -> Array:
    """An array of values each of which fits."""
    if dtype == tf.string:
        return np.array(_texts(value), dtype=object)
    return np.array(value, dtype=dtype.as_numpy_dtype)


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, str):
        return value.encode()
    if not is_bytes(value):
        raise _UnfitError
    return base64_bytes(value)


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
