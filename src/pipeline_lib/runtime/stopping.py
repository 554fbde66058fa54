"""Being stopped politely: Ctrl-C, SIGTERM, a terminal that is closed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Handler:
    def __init__(self) -> None:
        self._times = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._times += 1
        if self._times != 2:
            raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[None]:
    """While open, every polite signal raises `KeyboardInterrupt` in the main thread, as Ctrl-C does.

    A second one changes nothing: what the first has set going (bodies are stopped, the end is recorded) takes
    seconds, and who is impatient presses twice. A third one raises again, out of that too; the next run
    then clears away what is left, as after `kill -9`. Signals for which somebody has a handler of his own, or
    which are ignored (`nohup`), stay as they are; so do all in another thread.
    """
    ours: dict[signal.Signals, object] = {}
    if threading.current_thread() is threading.main_thread():
        defaults = (signal.SIG_DFL, signal.default_int_handler)
        ours = {number: found for number in _POLITE if (found := signal.getsignal(number)) in defaults}
    handler = _Handler()
    for number in ours:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, before in ours.items():
            signal.signal(number, before)  # type: ignore[arg-type]
