"""Text as ML Metadata can keep it and filter by it.

ML Metadata 1.17.1 builds SQL by putting texts together. What is kept therefore differs from what is given:

- On PostgreSQL a backslash in a value is a syntax error, so no backslash is ever stored: it is written
  `%5C` (and a `%5C` that was there as `%255C`), in every backend alike.
- In a filter, quotes, control characters and backticks are errors, other values, or SQL, by backend. A
  text with any of them is never put into a filter: it is stored with a digest beside it, and found by that.
"""

import re

from pipeline_lib.hashing import canonical_json, digest

_TO_STORE = re.compile(r"\\|\x00|%(?:25)*(?:5C|00)")
_FROM_STORE = re.compile(r"%(?:25)*(?:5C|00)")
_PLAIN = re.compile(r"[ !#-&(-\[\]-_a-~]{0,200}")


def stored_text(text: str) -> str:
    """The text as it is kept: without backslashes and NUL characters."""
    return _TO_STORE.sub(_escape, text)


def given_text(stored: str) -> str:
    """The inverse of `stored_text`."""
    return _FROM_STORE.sub(_unescape, stored)


def _escape(match: re.Match[str]) -> str:
    found = match.group()
    if found == "\\":
        return "%5C"
    return "%00" if found == "\0" else "%25" + found[1:]


def _unescape(match: re.Match[str]) -> str:
    found = match.group()
    if found == "%5C":
        return "\\"
    return "\0" if found == "%00" else "%" + found[3:]


def is_plain(text: str) -> bool:
    """Whether a text means the same in every backend's filters."""
    return _PLAIN.fullmatch(text) is not None


def quoted(text: str) -> str:
    """A literal of the filter language: the one way for a text into a filter.

    Raises:
        ValueError: The text is not plain; filter by `text_digest` instead.
    """
    if not is_plain(text):
        raise ValueError(f"cannot be part of a filter: {text!r}")
    return f"'{text}'"


def text_digest(text: str) -> str:
    """What stands for a text that is not plain."""
    return digest("metadata-text", canonical_json(text))
