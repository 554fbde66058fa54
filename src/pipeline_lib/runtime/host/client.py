"""Talking to an executor host: executions, status, stop."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline_lib.errors import HostUnavailableError
from pipeline_lib.runtime.host import protocol
from pipeline_lib.runtime.host.address import HostAddress
from pipeline_lib.runtime.host.protocol import ExecuteOrder, ExitStatus, Link, Status

TICK_SECONDS = 0.1
# Longer than any import takes; a host that has hung must not hang its clients.
START_PATIENCE_SECONDS = 240.0
ANSWER_PATIENCE_SECONDS = 5.0
_OVERTIME_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """No child was forked for an order, and why; it may be given to another process."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClient:
    """A client of the host at an address."""

    address: HostAddress

    def connect(self) -> Link | None:
        """A new connection, or None if nobody listens."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER_PATIENCE_SECONDS)
        try:
            connection.connect(str(self.address.socket))
        except OSError:
            connection.close()
            return None
        return Link(connection)

    def execute(
        self, order: ExecuteOrder, *, cancel: threading.Event, tick: Callable[[], None]
    ) -> ExitStatus | NotStarted:
        """Have an order executed, and wait for its end; see `follow`.

        Raises:
            HostUnavailableError: The host was lost while the child ran.
        """
        link = self.connect()
        if link is None:
            return NotStarted(reason="nobody listens")
        return follow(link, order, cancel=cancel, tick=tick)

    def preload(self, modules: tuple[str, ...]) -> bool:
        """Have more modules imported; does not wait for it. False if there is no host."""
        link = self.connect()
        if link is None:
            return False
        try:
            link.send(protocol.PreloadOrder(modules=modules))
        except HostUnavailableError:
            return False
        finally:
            link.close()
        return True

    def status(self) -> Status | None:
        """What the host says of itself; None if there is none, or it is too busy to answer."""
        link = self.connect()
        if link is None:
            return None
        try:
            link.send(protocol.StatusOrder())
            answer = link.receive(ANSWER_PATIENCE_SECONDS)
        except HostUnavailableError:
            return None
        finally:
            link.close()
        return answer if isinstance(answer, Status) else None

    def stop(self, *, force: bool = False, patience_seconds: float = 10.0) -> bool:
        """End the host: when its children have ended, or forced: now, and wait for it.

        Args:
            force: Stop its children, and kill the host if it does not end.
            patience_seconds: How long a forced host may take.

        Returns:
            False if there is none.
        """
        link = self.connect()
        if link is None:
            return False
        try:
            link.send(protocol.StopOrder(force=force))
            if force:
                self._signal(signal.SIGTERM)  # heard even within an import
                _await_end(link, patience_seconds)
                self._signal(signal.SIGKILL)
                for path in (self.address.socket, self.address.pid):
                    path.unlink(missing_ok=True)
        except HostUnavailableError:
            pass  # the connection ends with the host: that is the answer waited for
        finally:
            link.close()
        return True

    def _signal(self, number: signal.Signals) -> None:
        """To the host a connection is open to: so the number in the file cannot be another's by now."""
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            os.kill(int(self.address.pid.read_text(encoding="ascii")), number)


def _await_end(link: Link, patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while (left := deadline - time.monotonic()) > 0:
        link.receive(left)


def follow(
    link: Link, order: ExecuteOrder, *, cancel: threading.Event, tick: Callable[[], None]
) -> ExitStatus | NotStarted:
    """Send an order and wait for the end of its child. Closes the link.

    Args:
        link: A fresh connection.
        order: What to execute.
        cancel: Set, from any thread, to have the child stopped.
        tick: Called about ten times a second while the child runs, and once after its end.

    Raises:
        HostUnavailableError: The host was lost while the child ran.
    """
    started = False
    canceled = False
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    try:
        link.send(order)
        while True:
            event = link.receive(TICK_SECONDS)
            tick()
            match event:
                case protocol.Started():
                    started = True
                    deadline = _latest_end(order)
                case protocol.Refused(reason=reason):
                    return NotStarted(reason=reason)
                case ExitStatus():
                    tick()
                    return event
            if cancel.is_set() and not canceled:
                canceled = True
                deadline = time.monotonic() + order.grace_seconds + _OVERTIME_SECONDS
                link.send(protocol.CancelOrder())
            if time.monotonic() > deadline:
                raise protocol.lost("it does not answer")
    except HostUnavailableError as error:
        if started:
            raise
        return NotStarted(reason=error.summary)
    finally:
        link.close()


def _latest_end(order: ExecuteOrder) -> float:
    if order.timeout_seconds is None:
        return float("inf")
    return time.monotonic() + order.timeout_seconds + order.grace_seconds + _OVERTIME_SECONDS
