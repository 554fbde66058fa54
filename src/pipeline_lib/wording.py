"""Sizes, times and values as people read them, in the terminal and on pages alike."""

from typing import Any

from pipeline_lib.spans import date_of_span

_LONGEST = 600


def size(count: float) -> str:
    """Bytes as a person reads them."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def duration(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def plain(value: Any) -> str:
    """A property or parameter as a person reads it; what is not set in it is left out."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case dict():
            given = {key: item for key, item in value.items() if item not in (None, "", [], {}, ())}
            return ", ".join(f"{key} {_part(item)}" for key, item in given.items())
        case list() | tuple():
            return ", ".join(map(_part, value))
    return str(value)


def _part(value: Any) -> str:
    """A value among others: what a comma could take apart is held together."""
    text = plain(value)
    if isinstance(value, dict) or (isinstance(value, list | tuple) and len(value) > 1):
        return f"({text})"
    return f'"{text}"' if isinstance(value, str) and ("," in text or not text.strip()) else text


def brief(value: Any) -> str:
    """The same for a table: of a long list or dict only its number of entries."""
    text = plain(value)
    if isinstance(value, list | tuple | dict) and len(text) > _LONGEST:
        return f"{len(value)} entries"
    return text


def span_text(span: int) -> str:
    """A span as people read it; numbers too small for a day of data stay numbers."""
    return str(span) if not 3_650 <= span < 100_000 else date_of_span(span).isoformat()
