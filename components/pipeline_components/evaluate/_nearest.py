"""The known name that was probably meant."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to one that is not known, or None if none is close."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return found[0] if found else None
