"""The executor host's process: one thread that imports, forks, watches and answers.

Started by `pipeline_lib.runtime.host.starting` with a listening socket it inherits, so that clients can
connect before the first line here has run. With `--once` it serves one inherited connection and ends: the
cold way to execute, with the same supervision.
"""

import argparse
import contextlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from pydantic import ValidationError

from pipeline_lib.runtime.host import protocol
from pipeline_lib.runtime.host.address import HostAddress
from pipeline_lib.runtime.host.preload import Preloader, why_not_fork
from pipeline_lib.runtime.host.supervision import Children
from pipeline_lib.runtime.processes import available_cpus, is_same_user, peer_uid, thread_count

LONGEST_WAIT_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    buffer: protocol.FrameBuffer = field(default_factory=protocol.FrameBuffer)
    order: protocol.ExecuteOrder | None = None
    pid: int | None = None

    def send(self, event: protocol.Event) -> None:
        # The client may be gone: its socket then reads as closed, which is dealt with there.
        with contextlib.suppress(OSError):
            self.socket.sendall(protocol.encode(event))


class Server:
    """Serves clients until it is stopped or idle for long enough.

    Args:
        listener: Where clients connect; None to serve the connections given to `adopt` and end with them.
        address: Of `listener`, to take its files away at the end.
        idle_timeout_seconds: How long it stays without work.
        thread_limit: It refuses to fork with more threads than that.
    """

    def __init__(
        self,
        *,
        listener: socket.socket | None,
        address: HostAddress | None = None,
        idle_timeout_seconds: float,
        thread_limit: int | None = None,
    ) -> None:
        self._listener, self._address = listener, address
        self._socket_inode = _inode(address.socket) if address else 0
        self._idle_timeout_seconds = idle_timeout_seconds
        # OpenBLAS alone keeps a thread per core, forks notwithstanding; a TensorFlow op starts more than two.
        self._thread_limit = available_cpus() + 3 if thread_limit is None else thread_limit
        self._selector = selectors.DefaultSelector()
        self._children = Children(self._watch, self._selector.unregister)
        self._preloader = Preloader(self._poll_while_importing)
        self._connections: set[_Connection] = set()
        self._queue: list[_Connection] = []
        self._environ = dict(os.environ)
        self._started = self._busy_at = time.monotonic()
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        self._watch(self._wake_read, self._woken)
        if listener is not None:
            listener.setblocking(False)
            self._watch(listener.fileno(), self._accept)

    def preload(self, modules: Sequence[str]) -> None:
        """Import these as soon as `serve` comes to it."""
        self._preloader.add(modules)

    def adopt(self, connection: socket.socket) -> None:
        """Serve a connection that is already open; what the client has sent is heard at once."""
        connection.setblocking(False)
        one = _Connection(connection)
        self._connections.add(one)
        self._watch(connection.fileno(), lambda: self._read(one))
        self._read(one)

    def serve(self) -> None:
        """Work until stopped or idle."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._terminated)
        self._start_ready()  # who was adopted may have given an order already
        while not self._finished():
            if self._preloader.pending and not self._stopping:
                self._preloader.step()
                self.poll(0)
                self._busy_at = time.monotonic()
            else:
                self.poll(self._patience())
            self._start_ready()

    def close(self) -> None:
        """Take the socket away, so that the next client starts another host.

        This needs no lock: as long as the socket answers, nobody puts another in its place. A client that
        connects in between is cut off before its order is taken, and comes again.
        """
        if self._listener is None:
            return
        # Removed by hand or by a cleaner of temporary files, the path may be another host's by now.
        if self._address is not None and _inode(self._address.socket) == self._socket_inode:
            self._address.socket.unlink(missing_ok=True)
            self._address.pid.unlink(missing_ok=True)
        self._selector.unregister(self._listener.fileno())
        self._listener.close()
        self._listener = None

    def poll(self, timeout_seconds: float) -> None:
        """Answer clients and look after children; waits at most that long for something to happen."""
        for key, _ in self._selector.select(timeout_seconds):
            happened: Callable[[], None] = key.data
            happened()
        self._children.tick()
        if self._children or self._queue:
            self._busy_at = time.monotonic()

    def _poll_while_importing(self) -> None:
        self.poll(0)
        if self._stopping and not self._children:
            raise SystemExit(0)

    def _watch(self, descriptor: int, happened: Callable[[], None] = lambda: None) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, happened)

    def _patience(self) -> float:
        now = time.monotonic()
        due = [now + LONGEST_WAIT_SECONDS, self._children.next_deadline()]
        if self._listener is not None and not self._children:
            due.append(self._busy_at + self._idle_timeout_seconds)
        return max(0.0, min(moment for moment in due if moment is not None) - now)

    def _finished(self) -> bool:
        if self._children or (self._queue and not self._stopping):
            return False
        if self._stopping:
            return True
        if self._listener is None:
            return not self._connections
        if time.monotonic() - self._busy_at < self._idle_timeout_seconds:
            return False
        return self._leave_if_unwanted()

    def _leave_if_unwanted(self) -> bool:
        """Take the socket away, unless a client has just connected to it."""
        self.poll(0)
        if self._connections:
            self._busy_at = time.monotonic()
            return False
        self.close()
        return True

    def _terminated(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        os.write(self._wake_write, b"t")
        if self._preloader.importing and not self._children:
            raise SystemExit(0)  # out of the import, which may take a while yet

    def _woken(self) -> None:
        os.read(self._wake_read, 64)
        self._stop(force=True)

    def _stop(self, *, force: bool) -> None:
        self._stopping = True
        if force:
            self._children.stop_all("host stopped")
        self.close()

    def _accept(self) -> None:
        if self._listener is None:
            return
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = self._listener.accept()
            if is_same_user(peer_uid(connection)):
                self.adopt(connection)
            else:
                connection.close()

    def _read(self, one: _Connection) -> None:
        try:
            data = one.socket.recv(65536)
            orders = [protocol.parse_order(frame) for frame in one.buffer.feed(data)]
        except BlockingIOError:
            return
        except OSError:
            data, orders = b"", []
        except (ValueError, ValidationError) as error:
            print(f"dropped a client: {error}", file=sys.stderr, flush=True)
            data, orders = b"", []
        for order in orders:
            self._take(one, order)
        if not data:
            self._drop(one)

    def _drop(self, one: _Connection) -> None:
        self._selector.unregister(one.socket.fileno())
        one.socket.close()
        self._connections.discard(one)
        if one in self._queue:
            self._queue.remove(one)
        if one.pid is not None:
            self._children.stop(one.pid, "client lost")

    def _take(self, one: _Connection, order: protocol.Order) -> None:
        match order:
            case protocol.ExecuteOrder():
                one.order = order
                self._preloader.hurry(order.modules)
                self._queue.append(one)
            case protocol.CancelOrder():
                self._cancel(one)
            case protocol.PreloadOrder():
                self._preloader.add(order.modules)
                one.send(protocol.Done())
            case protocol.StatusOrder():
                one.send(self._status())
            case protocol.StopOrder():
                one.send(protocol.Done())
                self._stop(force=order.force)

    def _cancel(self, one: _Connection) -> None:
        if one.pid is not None:
            self._children.stop(one.pid, "cancel")
        elif one in self._queue:
            self._queue.remove(one)
            one.send(protocol.ExitStatus(stopped="cancel"))

    def _start_ready(self) -> None:
        """Fork for whoever's modules are there; never within an import: a child would have half of it.

        Nor before the last child has given back what it had: the next may want the same GPU.
        """
        if self._children.leaving:
            return
        for one in list(self._queue):
            if one.order is None or not self._preloader.has(one.order.modules):
                continue
            self._queue.remove(one)
            reason = (
                "it is being stopped" if self._stopping else why_not_fork(thread_count(), self._thread_limit)
            )
            if reason is not None:
                one.send(protocol.Refused(reason=reason))
            else:
                self._start(one, one.order)

    def _start(self, one: _Connection, order: protocol.ExecuteOrder) -> None:
        def ended(status: protocol.ExitStatus) -> None:
            one.pid = None
            one.send(status)

        kept = {name: value for name, value in os.environ.items() if self._environ.get(name) != value}
        try:
            pid = self._children.start(order, close=self._descriptors(), kept=kept, ended=ended)
        except OSError as error:  # no memory, or too many processes
            one.send(protocol.Refused(reason=f"the host cannot fork: {error.strerror}"))
            return
        one.pid = pid
        one.send(protocol.Started(pid=pid))

    def _descriptors(self) -> list[int]:
        own = [self._wake_read, self._wake_write]
        selector = getattr(self._selector, "fileno", None)
        if selector is not None:
            own.append(selector())
        if self._listener is not None:
            own.append(self._listener.fileno())
        return own + [one.socket.fileno() for one in self._connections]

    def _status(self) -> protocol.Status:
        return protocol.Status(
            pid=os.getpid(),
            interpreter=sys.executable,
            release=self._address.release if self._address else "",
            seconds=time.monotonic() - self._started,
            threads=thread_count(),
            memory_bytes=_resident_bytes(),
            loaded=tuple(self._preloader.loaded),
            pending=self._preloader.pending,
            failed=self._preloader.failed,
            children=self._children.status(),
            queued=len(self._queue),
            served=self._children.served,
            idle_seconds=time.monotonic() - self._busy_at,
            idle_timeout_seconds=self._idle_timeout_seconds,
            stopping=self._stopping,
        )


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the host's process."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_lib.runtime.host.server", description=__doc__)
    parser.add_argument("--once", type=int, metavar="FD", help="serve this inherited connection, then end")
    parser.add_argument("--listen", type=int, metavar="FD", help="inherited listening socket")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--key", default="")
    parser.add_argument("--idle", type=float, default=900.0)
    parser.add_argument("--thread-limit", type=int)
    parser.add_argument("modules", nargs="*")
    given = parser.parse_args(arguments)
    if given.once is not None:
        server = Server(listener=None, idle_timeout_seconds=given.idle)
        server.adopt(socket.socket(fileno=given.once))
    else:
        # Of its own session: a signal to the group of the task that started it is none of its business.
        with contextlib.suppress(PermissionError):
            os.setsid()
        os.chdir("/")
        address = HostAddress(directory=given.directory, key=given.key)
        address.pid.write_text(str(os.getpid()), encoding="ascii")
        server = Server(
            listener=socket.socket(fileno=given.listen),
            address=address,
            idle_timeout_seconds=given.idle,
            thread_limit=given.thread_limit,
        )
    server.preload(given.modules)
    try:
        server.serve()
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    try:
        main()
    except Exception:  # noqa: BLE001  the last one: it goes to the host's log
        traceback.print_exc()
    finally:
        # TensorFlow's own end takes half a second, and may crash; there is nothing left to lose.
        sys.stderr.flush()
        os._exit(0)
