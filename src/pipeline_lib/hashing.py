"""Every digest in the library is made here: sha256 over one canonical encoding, tagged with what it is of."""

import hashlib
import json
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> str:
    """The one JSON text of a plain value: sorted keys, no spaces, no NaN.

    Args:
        value: None, bool, int, float, str, or lists, tuples and string-keyed dicts of these.

    Raises:
        ValueError: `value` holds NaN or an infinity.
        TypeError: `value` holds something that is not plain, or a dict key that is not a string.
    """
    _refuse_odd_keys(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def why_not_plain(value: Any) -> str | None:
    """What a value would have to be to have a canonical JSON text, for an error to say, or None."""
    try:
        canonical_json(value).encode()
    except UnicodeEncodeError:
        return "Unicode text (bytes that are no UTF-8 became halves of surrogate pairs)"
    except ValueError:
        return "finite numbers (JSON and the metadata store have no NaN and no infinity)"
    except TypeError as error:
        return f"numbers, texts, lists, and dicts with texts as keys ({error})"
    return None


def digest(kind: str, value: Any) -> str:
    """Sha256, in hex, of a plain value of one kind; two kinds never share a digest.

    Args:
        kind: What the value is (`"artifact"`, `"cache-key"`): enters the digest as a tag.
        value: Anything `canonical_json` takes.
    """
    return hashlib.sha256(f"{kind}\0{canonical_json(value)}".encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Sha256, in hex, of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_odd_keys(value: Any) -> None:
    """Json turns the key 1 into "1"; here both in one program would be one digest."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON needs string keys, not {key!r}")
            _refuse_odd_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_odd_keys(item)
