"""Forks a child of the host and makes it look like a fresh process of the client."""

import atexit
import contextlib
import faulthandler
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pipeline_lib.runtime import child
from pipeline_lib.runtime.host.protocol import ExecuteOrder
from pipeline_lib.runtime.log_lines import LineFormatter
from pipeline_lib.runtime.processes import die_with_parent

_HELD_BACK = {signal.SIGTERM, signal.SIGINT}


def fork_child(order: ExecuteOrder, *, close: Iterable[int], kept: Mapping[str, str], farewell: int) -> int:
    """Fork one child that executes an order and ends.

    Args:
        order: What to execute.
        close: The host's own file descriptors; the child must not hold them.
        kept: Environment variables that imports in the host have set, kept over the client's.
        farewell: A pipe, into which the child writes one byte when the response is there and nothing of it
            runs any more. Freeing the memory of TensorFlow then takes the kernel a twentieth of a second.

    Returns:
        The child's process id; it leads a session and a process group of its own.
    """
    host = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # Until the child has its own handlers, a signal would be taken by the host's.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        pid = os.fork()
        if pid == 0:
            _become(order, host, close, kept, farewell)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)
    return pid


def _become(
    order: ExecuteOrder, host: int, close: Iterable[int], kept: Mapping[str, str], farewell: int
) -> NoReturn:
    status, pipe = 70, os.fstat(farewell)
    try:
        os.setsid()
        die_with_parent(host)
        _own_descriptors(order.log, close)
        _own_process_state(order, kept)
        child.raise_on_terminate()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)
        child.run(Path(order.request), Path(order.response), Path(order.progress))
        status = 0
    except BaseException:  # noqa: BLE001  nothing may return into the host's code
        import traceback

        traceback.print_exc()
    finally:
        _run_exit_functions()
        # A thread that the body has left behind may write yet: then the kernel's word is waited for.
        if status == 0 and threading.active_count() == 1:
            _say_farewell(farewell, pipe)
        os._exit(status)


def _own_descriptors(log: str, close: Iterable[int]) -> None:
    for descriptor in close:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(output)
    os.close(nothing)
    # Anew, whatever an import has put in their place; lines are written when they are printed.
    sys.stdout, sys.stderr = (
        os.fdopen(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        for number in (1, 2)
    )


def _own_process_state(order: ExecuteOrder, kept: Mapping[str, str]) -> None:
    # Their owners are the host's; they would end what the host still uses.
    atexit._clear()
    os.environ.clear()
    os.environ.update({**order.environ, **kept})
    scratch = Path(order.scratch) / "tmp"
    scratch.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = str(scratch)
    tempfile.tempdir = None
    os.chdir(order.directory)
    _reseed(sys.modules)
    faulthandler.enable()
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    gc.enable()


def _reseed(modules: Mapping[str, Any]) -> None:
    """Numpy's global generator would give every child the same numbers; Python's own looks after itself."""
    numpy_random = getattr(modules.get("numpy"), "random", None)
    if numpy_random is not None:
        numpy_random.seed()


def _run_exit_functions() -> None:
    """Not the host's, which were taken away, but what the body has registered."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _say_farewell(farewell: int, pipe: os.stat_result) -> None:
    """Unless the body has closed the pipe: its number may be that of one of the body's own files by now."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(farewell), pipe):
            os.write(farewell, b".")
