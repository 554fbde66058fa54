"""When Python looks for cycles of garbage: hardly ever in a command of a second, as usual in a server."""

import atexit
import gc

_USUAL = gc.get_threshold()
_YOUNG_OBJECTS = 300_000
"""New containers between two passes, instead of 700: a run that is cached makes 130,000."""


def collect_rarely() -> None:
    """For a command that lives for a second.

    A quarter of a second of it went into visiting, again and again and once more at the interpreter's end,
    what imports have made and what stays.
    """
    gc.set_threshold(_YOUNG_OBJECTS)
    atexit.register(gc.freeze)


def collect_as_usual() -> None:
    """For a server, which lives long; what was made until now is not visited again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_USUAL)
