"""Plain JSON to ML Metadata's values and back, without loss.

A property is kept as the value nearest to it (INT, DOUBLE, STRING; a bool as INT 0 or 1, lists and dicts as
JSON text), so that other tools can read and filter it. Where that loses the kind, it is kept beside it.

ML Metadata indexes texts, and PostgreSQL's index takes no long ones: the whole transaction fails. A long text
is kept as a message (`google.protobuf.StringValue`), which is not indexed.
"""

import json
from collections.abc import Mapping
from typing import Any

from pipeline_lib.hashing import canonical_json
from pipeline_lib.metadata.mlmd_text import given_text, is_plain, quoted, stored_text, text_digest
from pipeline_lib.metadata.mlmd_types import INTERNAL

KINDS = f"{INTERNAL}kinds"
_EQUAL = f"{INTERNAL}equal_"
_JSON_FACT = "json:"
_INT64 = 2**63
# In bytes. PostgreSQL takes 2704 in an index, the property's name and a few numbers included.
LONGEST_INDEXED = 2_000


def put_value(target: Any, name: str, value: Any) -> str:
    """Set a map's entry of the value nearest to `value`; returns the kind, "" where the value shows it."""
    kind, plain = _nearest(value)
    if isinstance(plain, str):
        _put_text(target[name], plain)
    elif isinstance(plain, float):
        target[name].double_value = plain
    else:
        target[name].int_value = plain
    return kind


def _put_text(target: Any, text: str) -> None:
    stored = stored_text(text)
    if len(stored.encode()) <= LONGEST_INDEXED:
        target.string_value = stored
        return
    from google.protobuf.wrappers_pb2 import StringValue

    target.proto_value.Pack(StringValue(value=text))


def _nearest(value: Any) -> tuple[str, int | float | str]:
    if isinstance(value, bool):
        return "bool", int(value)
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return "", value
    if isinstance(value, float | str):
        return "", value
    return "json", canonical_json(value)


def put_properties(
    message: Any, values: Mapping[str, Any], *, kinds: Mapping[str, str], declared: Any
) -> None:
    """Write an artifact's properties: all as custom properties, the type's declared ones as such too.

    Queries and reading need then not know what a type declares; TFX itself keeps `span` twice.
    """
    noted = {}
    for name, value in values.items():
        if value is None:
            continue
        exact = float(value) if kinds.get(name) == "float" and isinstance(value, int) else value
        kind = put_value(message.custom_properties, name, exact)
        if kind:
            noted[name] = kind
        if name in declared and message.custom_properties[name].WhichOneof("value") != "proto_value":
            put_value(message.properties, name, exact)
        put_equal(message.custom_properties, name, exact)
    if noted:
        put_value(message.custom_properties, KINDS, canonical_json(noted))


def put_equal(target: Any, name: str, value: Any) -> None:
    """Beside a text that cannot be part of a filter, keep the digest that `equals` finds it by."""
    _, plain = _nearest(value)
    if isinstance(plain, str) and not is_plain(plain) and name.isidentifier():
        target[f"{_EQUAL}{name}"].string_value = text_digest(plain)


def compares(name: str, sign: str, value: int | float) -> str:
    """The filter for a number, or time, that stands so to a value.

    Raises:
        ValueError: The name is not an identifier, the sign none of `<`, `<=`, `>`, `>=`.
    """
    if not name.isidentifier() or not name.isascii() or sign not in ("<", "<=", ">", ">="):
        raise ValueError(f"cannot filter by {name!r} {sign} {value!r}")
    if isinstance(value, float):
        return f"custom_properties.{name}.double_value {sign} {value!r}"
    return f"custom_properties.{name}.int_value {sign} {int(value)}"


def between(name: str, first: int, last: int) -> list[str]:
    """The filters for a whole number from `first` to `last`; where these are one, that it equals it."""
    if first == last:
        return [equals(name, first)]
    return [compares(name, ">=", first), compares(name, "<=", last)]


def equals(name: str, value: Any, *, kind: str | None = None) -> str:
    """The filter for a property that `put_properties` wrote with this value.

    Raises:
        ValueError: The name is not a Python identifier, or the value is None.
    """
    if not name.isidentifier() or not name.isascii() or value is None:
        raise ValueError(f"cannot filter by {name!r} = {value!r}")
    exact = float(value) if kind == "float" and isinstance(value, int) else value
    _, plain = _nearest(exact)
    if isinstance(plain, float):
        return f"custom_properties.{name}.double_value = {plain!r}"
    if isinstance(plain, int):
        return f"custom_properties.{name}.int_value = {plain}"
    if is_plain(plain):
        return f"custom_properties.{name}.string_value = {quoted(plain)}"
    return f"custom_properties.{_EQUAL}{name}.string_value = {quoted(text_digest(plain))}"


def get_value(value: Any) -> Any:
    """A stored value as plain JSON; None for what has no such form (a proto)."""
    which = value.WhichOneof("value")
    if which == "string_value":
        return given_text(value.string_value)
    if which == "struct_value":
        from google.protobuf import json_format

        return json_format.MessageToDict(value.struct_value)
    if which == "proto_value":
        from google.protobuf.wrappers_pb2 import StringValue

        text = StringValue()
        return text.value if value.proto_value.Unpack(text) else None
    return getattr(value, which) if which in ("int_value", "double_value", "bool_value") else None


def get_properties(message: Any, *, kinds: Mapping[str, str], hidden: Mapping[str, str]) -> dict[str, Any]:
    """An artifact's properties as plain JSON, internal ones left out."""
    custom = message.custom_properties
    noted: Mapping[str, str] = json.loads(get_value(custom[KINDS])) if KINDS in custom else kinds
    found = {}
    for name in sorted({*message.properties, *custom}):
        if name.startswith(INTERNAL) or name in hidden:
            continue
        value = get_value(custom[name] if name in custom else message.properties[name])
        found[name] = _exact(value, noted.get(name))
    return found


def _exact(value: Any, kind: str | None) -> Any:
    if kind == "bool":
        return bool(value)
    if kind == "json" and isinstance(value, str):
        return json.loads(value)
    return value


def put_fact(target: Any, name: str, fact: Any) -> None:
    """Keep any plain JSON value under one name."""
    natural = isinstance(fact, int | float | str) and not isinstance(fact, bool)
    if natural and not (isinstance(fact, str) and fact.startswith(_JSON_FACT)):
        put_value(target, name, fact if _nearest(fact)[0] == "" else _JSON_FACT + canonical_json(fact))
    else:
        put_value(target, name, _JSON_FACT + canonical_json(fact))


def get_fact(value: Any) -> Any:
    """The inverse of `put_fact`."""
    found = get_value(value)
    if isinstance(found, str) and found.startswith(_JSON_FACT):
        return json.loads(found.removeprefix(_JSON_FACT))
    return found
