"""Golden requests: real rows with the answers of the evaluated model, kept with every pushed version.

The file lies in the SavedModel's `assets.extra`, which servers do not read. Values are JSON, as in the REST
interface's column form; bytes are `{"b64": ...}`.
"""

import base64
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline_lib.errors import PushUndoneError

FILE = "assets.extra/golden_requests.json"

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One tensor.

    Attributes:
        dtype: TensorFlow's name: `float32`, `int64`, `string`.
        values: Nested lists, rows first.
    """

    dtype: str
    values: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenRequest:
    """One request and the answer it must get.

    Attributes:
        inputs: By name.
        outputs: By name: what the evaluated model gives.
    """

    signature: str
    inputs: Mapping[str, Column]
    outputs: Mapping[str, Column]


def to_text(requests: Sequence[GoldenRequest]) -> str:
    """The file's content."""
    return json.dumps({"format": 1, "requests": [asdict(one) for one in requests]}) + "\n"


def from_text(text: str | bytes) -> list[GoldenRequest]:
    """Read what `to_text` wrote.

    Raises:
        ValueError: It is not that.
    """
    try:
        return [
            GoldenRequest(
                signature=one["signature"],
                inputs={name: Column(**column) for name, column in one["inputs"].items()},
                outputs={name: Column(**column) for name, column in one["outputs"].items()},
            )
            for one in json.loads(text)["requests"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def requests_in(text: bytes) -> list[GoldenRequest]:
    """The requests of a version's file; none if it has none.

    Raises:
        PushUndoneError: The file is damaged.
    """
    if not text:
        return []
    try:
        return from_text(text)
    except ValueError as error:
        raise PushUndoneError(
            "the golden requests of the model are damaged",
            at=FILE,
            fix="run validate_infra again: `pipeline run ... --force validate_infra`",
        ) from error


def requests_of(directory: Path) -> list[GoldenRequest]:
    """The requests that lie in a SavedModel's directory; none if it has none.

    Raises:
        PushUndoneError: The file is damaged.
    """
    file = directory / FILE
    return requests_in(file.read_bytes() if file.exists() else b"")


def plain(values: Any) -> Any:
    """Nested lists with bytes as text, or as `{"b64": ...}` where they are none."""
    if isinstance(values, list | tuple):
        return [plain(one) for one in values]
    if isinstance(values, bytes):
        try:
            return values.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(values).decode()}
    return values


def as_sent(values: Any) -> Any:
    """Nested lists for a request: all text as `{"b64": ...}`, which servers take for text and bytes alike."""
    if isinstance(values, list | tuple):
        return [as_sent(one) for one in values]
    if isinstance(values, str):
        return {"b64": base64.b64encode(values.encode()).decode()}
    if isinstance(values, bytes):
        return {"b64": base64.b64encode(values).decode()}
    return values


def as_bytes(values: Any) -> Any:
    """Nested lists with text and `{"b64": ...}` as bytes, for tensors."""
    if isinstance(values, list | tuple):
        return [as_bytes(one) for one in values]
    if isinstance(values, str):
        return values.encode()
    return base64.b64decode(values["b64"]) if isinstance(values, dict) else values


def differences(expected: Mapping[str, Column], given: Mapping[str, Any], *, tolerance: float) -> list[str]:
    """In what an answer differs from the golden one; empty if in nothing.

    Args:
        expected: Outputs of the evaluated model.
        given: Outputs of the server: nested lists by name.
        tolerance: Relative and absolute, for numbers.
    """
    missing = [f"{name} is missing" for name in sorted(expected.keys() - given.keys())]
    wrong: list[str] = []
    for name in sorted(expected.keys() & given.keys()):
        wanted, got = list(_flat(expected[name].values)), list(_flat(_readable(given[name])))
        if _shape(expected[name].values) != _shape(given[name]):
            wrong.append(f"{name} has shape {_shape(given[name])} instead of {_shape(expected[name].values)}")
            continue
        unequal = [(a, b) for a, b in zip(wanted, got, strict=True) if not _close(a, b, tolerance)]
        wrong += [f"{name} is {b} instead of {a}" for a, b in unequal[:_SHOWN]]
        if len(unequal) > _SHOWN:
            wrong.append(f"{name} differs in {len(unequal)} of {len(wanted)} values")
    return missing + wrong


def _readable(values: Any) -> Any:
    if isinstance(values, list | tuple):
        return [_readable(one) for one in values]
    return plain(base64.b64decode(values["b64"])) if isinstance(values, dict) else values


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, list | tuple):
        for one in values:
            yield from _flat(one)
    else:
        yield _readable(values)


def _shape(values: Any) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(values, list | tuple):
        shape.append(len(values))
        if not values:
            break
        if _ragged(values):
            return (*shape, -1)
        values = values[0]
    return tuple(shape)


def _ragged(values: Iterable[Any]) -> bool:
    lengths = [len(one) if isinstance(one, list | tuple) else None for one in values]
    return any(a != b for a, b in pairwise(lengths))


def _close(expected: Any, given: Any, tolerance: float) -> bool:
    if isinstance(expected, int | float) and isinstance(given, int | float):
        both_nan = math.isnan(expected) and math.isnan(given)
        return both_nan or math.isclose(expected, given, rel_tol=tolerance, abs_tol=tolerance)
    return bool(expected == given)
