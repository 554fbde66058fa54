"""Fault points: places at which a test ends, stops or breaks this process. They do nothing otherwise.

`PIPELINE_FAULT=kill@renamed` kills the process when it comes to the point `renamed`; `stop@renamed#2`
stops it (SIGSTOP) when it comes there for the second time; `raise@staged` lets the disk fail there;
`terminate`, `hangup` and `interrupt` send SIGTERM, SIGHUP, and SIGINT twice as from a terminal.
"""

import errno
import functools
import itertools
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping

VARIABLE = "PIPELINE_FAULT"

# In the order in which a run comes to them.
LAUNCHING = (
    "run-opened",
    "prepared",
    "looked-up",
    "resolved",
    "cached",
    "registered",
    "staged",
    "executed",
    "sealed",
    "renaming",
    "renamed",
    "published",
    "superseded",
    "completed",
    "discarded",
    "run-ended",
    "run-closed",
)
# In the order in which a push comes to them, and then a rollback.
PUSHING = (
    "push-locked",
    "push-begun",
    "push-copied",
    "push-renamed",
    "push-available",
    "push-checked",
    "push-labelled",
    "push-committed",
    "push-pruned",
    "move-begun",
    "move-restored",
    "move-withdrawn",
    "move-confirmed",
    "move-committed",
)
COLLECTING = ("gc-marked", "gc-removed")
# After each file that is brought to an object store; the manifest comes after `renaming`.
UPLOADING = ("uploading",)
POINTS = (*LAUNCHING, *PUSHING, *COLLECTING, *UPLOADING)


def reached(point: str) -> None:
    """Say that the process is at this point; costs one look-up where no fault is wanted."""
    fault = _fault()
    if fault is not None:
        fault(point)


@functools.cache
def _fault() -> Callable[[str], None] | None:
    wanted = os.environ.get(VARIABLE)
    return fault_of(wanted) if wanted else None


def fault_of(text: str) -> Callable[[str], None]:
    """What `PIPELINE_FAULT` asks for, to be called at every point with its name.

    Raises:
        ValueError: The text is not `ACTION@POINT` or `ACTION@POINT#COUNT`: the test would prove nothing.
    """
    match = re.fullmatch(r"(\w+)@([\w-]+)(?:#([1-9]\d*))?", text)
    if match is None or match[1] not in _ACTIONS or match[2] not in POINTS:
        raise ValueError(f"{VARIABLE}={text}: write one of {', '.join(_ACTIONS)}, '@', a point, and '#2'")
    action, wanted = _ACTIONS[match[1]], match[2]
    remaining = itertools.count(int(match[3] or 1), -1)

    def fault(point: str) -> None:
        if point == wanted and next(remaining) == 1:
            action()

    return fault


def _kill() -> None:
    _signal_here(signal.SIGKILL)


def _stop() -> None:
    _signal_here(signal.SIGSTOP)


def _signal_here(number: signal.Signals) -> None:
    """To this thread: a signal to the process may reach another one first, while this one runs on."""
    signal.pthread_kill(threading.get_ident(), number)


def _raise() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO), "a fault point")


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _hangup() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)


_ACTIONS: Mapping[str, Callable[[], None]] = {
    "kill": _kill,
    "stop": _stop,
    "raise": _raise,
    "terminate": _terminate,
    "hangup": _hangup,
    "interrupt": _interrupt,
}
