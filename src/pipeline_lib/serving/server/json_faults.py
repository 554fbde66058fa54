"""Why a request to predict is refused, in TensorFlow Serving's words.

numpy converts whole columns and only says that it cannot. Who wants to know which value is wrong reads them
one by one, in the order and with the messages of TensorFlow Serving's `util/json_tensor.cc`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline_lib.serving.server.json_reading import base64_bytes, is_bytes, json_type, shown
from pipeline_lib.serving.server.refusals import Refusal, Status, invalid

# Deeper lists are no tensor: TensorFlow has at most so many dimensions.
_DIMENSIONS = 254


def rows_fault(rows: list[Any], types: Mapping[str, Any]) -> Refusal | None:
    """What is wrong with `instances`, or None.

    Args:
        rows: Its value.
        types: TensorFlow's types by input.
    """
    return _refusal(lambda: _require_rows(rows, types))


def column_fault(value: Any, dtype: Any) -> Refusal | None:
    """What is wrong with a column of `inputs`, or None.

    Args:
        value: Of the input.
        dtype: TensorFlow's type.
    """
    return _refusal(lambda: _count(value, dtype, _shape(value)))


def _refusal(read: Callable[[], object]) -> Refusal | None:
    try:
        read()
    except Refusal as refusal:
        return refusal
    return None


def _require_rows(rows: list[Any], types: Mapping[str, Any]) -> None:
    known: dict[str, tuple[int, tuple[int, ...]]] = {}
    named = _is_object(rows[0])
    for number, row in enumerate(rows):
        if named and not _is_object(row):
            raise invalid(f"Expecting object but got list at item {number} of input list")
        if not named and _is_object(row):
            raise invalid(f"Expecting value/list but got object at item {number} of input list")
        for name, value in row.items() if named else [(next(iter(types)), row)]:
            try:
                _require_item(name, value, types, known)
            except Refusal as refusal:
                key = f" key: {name}" if named else ""
                raise invalid(
                    f"Failed to process element: {number}{key} of 'instances' list. "
                    f"Error: {refusal.status.name}: {refusal.message}"
                ) from refusal
        if named and row.keys() != types.keys():
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object: {shown(row)} keys "
                f"must be equal to: {','.join(sorted(types))}"
            )


def _require_item(
    name: str, value: Any, types: Mapping[str, Any], known: dict[str, tuple[int, tuple[int, ...]]]
) -> None:
    if name not in types:
        raise invalid(f"JSON object: does not have named input: {name}")
    shape = _shape(value)
    size = _count(value, types[name], shape)
    expected_size, expected_shape = known.setdefault(name, (size, shape))
    if size != expected_size:
        raise invalid(f"Expecting tensor size: {expected_size} but got: {size}")
    if shape != expected_shape:
        raise invalid(f"Expecting shape {_told(expected_shape)} but got: {_told(shape)}")


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_bytes(value)


def _shape(value: Any) -> tuple[int, ...]:
    """As the first value at each level has it."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if len(shape) > _DIMENSIONS:
            raise invalid(f"Shape must have at most {_DIMENSIONS} dimensions")
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _count(value: Any, dtype: Any, shape: tuple[int, ...], level: int = 0) -> int:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {shown(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected "
                f"at level: {len(shape)}"
            )
        _require_value(value, dtype)
        return 1
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: "
            f"{shape[level]}"
        )
    return sum(_count(one, dtype, shape, level + 1) for one in value)


def _require_value(value: Any, dtype: Any) -> None:
    if dtype == tf.string:
        if isinstance(value, dict):
            if not is_bytes(value):
                raise invalid(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
            base64_bytes(value)
        elif not isinstance(value, str):
            raise _of_another_type(value, dtype)
        return
    wanted = np.dtype(dtype.as_numpy_dtype)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match wanted.kind:
        case "b":
            fits = isinstance(value, bool)
        case "i" | "u":
            limits = np.iinfo(wanted)
            fits = is_number and isinstance(value, int) and limits.min <= value <= limits.max
        case "f":
            fits = is_number
            if fits and not _is_lossless(value, wanted):
                raise invalid(
                    f"Cannot convert JSON value: {shown(value)} to {type_name(dtype)} "
                    "without loss of precision."
                )
        case _:
            raise Refusal(
                Status.UNIMPLEMENTED,
                f"Conversion of JSON Value: {shown(value)} to type: {type_name(dtype)}",
            )
    if not fits:
        raise _of_another_type(value, dtype)


def _is_lossless(value: float, wanted: "np.dtype[Any]") -> bool:
    if isinstance(value, int):
        return bool(abs(value) <= 2 ** (np.finfo(wanted).nmant + 1) - 1)
    return not np.isfinite(value) or abs(value) <= float(np.finfo(wanted).max)


def _of_another_type(value: Any, dtype: Any) -> Refusal:
    return invalid(
        f"JSON Value: {shown(value)} Type: {json_type(value)} is not of expected type: {type_name(dtype)}"
    )


def _told(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def type_name(dtype: Any) -> str:
    """The name of a type in TensorFlow's C++ messages: `float` where Python has `float32`."""
    return {"float16": "half", "float32": "float", "float64": "double"}.get(dtype.name, str(dtype.name))
