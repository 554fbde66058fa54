"""Waiting for what another process or thread does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")


def wait_until(look: Callable[[], _Found], seconds: float = 150) -> _Found:
    """What `look` finds, as soon as it is something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.05)
    return found
