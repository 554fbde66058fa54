"""The terminal while something is drawn on it again and again."""

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_unseen() -> Iterator[None]:
    """Keep the terminal from writing `^C` where a live view ends.

    There it would begin another line if the last one is full, and the view would then erase one too few.
    """
    descriptor = _foreground_terminal()
    if descriptor is None:
        yield
        return
    before = termios.tcgetattr(descriptor)
    silent = [*before]
    silent[3] &= ~termios.ECHOCTL
    termios.tcsetattr(descriptor, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _foreground_terminal() -> int | None:
    """Where Ctrl-C comes from; None in the background, where setting a terminal would stop this process."""
    try:
        descriptor = sys.stdin.fileno()
        ours = os.tcgetpgrp(descriptor) == os.getpgrp()
    except (AttributeError, OSError, ValueError):  # no stdin, a closed one, or no terminal
        return None
    return descriptor if ours else None
