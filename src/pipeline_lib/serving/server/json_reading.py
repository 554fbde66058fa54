"""Bodies of requests: JSON as TensorFlow Serving reads it, and refused in the words of its parser."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import orjson

from pipeline_lib.serving.server.refusals import Refusal, invalid

# Python's words for what is wrong, and RapidJSON's (rapidjson/error/en.h).
_SAID = {
    "Expecting value": "Invalid value.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Illegal trailing comma before end of object": "Missing a name for object member.",
    "Illegal trailing comma before end of array": "Invalid value.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Extra data": "The document root must not be followed by other values.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
    "Invalid control character at": "Invalid encoding in string.",
}
_SHOWN = 200


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


def is_bytes(value: Any) -> bool:
    """Whether a JSON value is bytes in base64: `{"b64": "..."}` and nothing else."""
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def base64_bytes(value: Mapping[str, str]) -> bytes:
    """What a value that `is_bytes` stands for.

    Raises:
        Refusal: INVALID_ARGUMENT if it is not base64.
    """
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("Unable to base64 decode") from error


def shown(value: Any) -> str:
    """The beginning of a value, for the message that refuses it."""
    text = json.dumps(value, default=str, indent=4, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def json_type(value: Any) -> str:
    """RapidJSON's name of a value's type."""
    if value is None or isinstance(value, bool):
        return {None: "Null", True: "True", False: "False"}[value]
    if isinstance(value, str):
        return "String"
    if isinstance(value, dict):
        return "Object"
    return "Array" if isinstance(value, list) else "Number"


def _loosely_read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise _unreadable(error) from error
    except UnicodeDecodeError as error:
        raise invalid(f"JSON Parse error: Invalid encoding in string. at offset: {error.start}") from error
    except RecursionError as error:
        raise invalid("JSON Parse error: it is nested too deeply") from error


def _unreadable(error: json.JSONDecodeError) -> Refusal:
    # Offsets are RapidJSON's where both parsers stop at the same character, which they mostly do.
    offset = len(error.doc[: error.pos].encode())
    if error.msg == "Expecting ',' delimiter":
        said = _missing_comma(error.doc[: error.pos])
    elif error.msg == "Expecting value" and not error.doc.strip():
        said = "The document is empty."
    else:
        said = _SAID.get(error.msg, f"{error.msg}.")
    return invalid(f"JSON Parse error: {said} at offset: {offset}")


def _missing_comma(before: str) -> str:
    opened, inside, escaped = [""], False, False
    for character in before:
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "[{":
            opened.append(character)
        elif character in "]}" and len(opened) > 1:
            opened.pop()
    if opened[-1] == "{":
        return "Missing a comma or } after an object member."
    return "Missing a comma or ] after an array element."
