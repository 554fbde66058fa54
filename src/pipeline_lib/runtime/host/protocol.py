"""What the executor host and its clients say to each other: length-prefixed JSON frames on a Unix socket.

A client sends one order per connection. For an execution the host answers `started` (or `refused`) and then
`ended`; the client closing the connection, or sending `cancel`, stops the execution.
"""

import json
import socket
import struct
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pipeline_lib.errors import HostUnavailableError

_HEADER = struct.Struct(">I")
MAX_FRAME_BYTES = 8 << 20


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExecuteOrder(_Frame):
    """Fork a child for one request.

    Attributes:
        scratch: Directory of this execution's own; removed by the host if the client is lost.
        modules: What must be imported in the host before the fork.
        timeout_seconds: From the fork on.
        grace_seconds: Between SIGTERM and SIGKILL.
        environ: The client's environment variables: the child gets these, not the host's.
    """

    op: Literal["execute"] = "execute"
    request: str
    response: str
    log: str
    progress: str
    scratch: str
    modules: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    grace_seconds: float = 3.0
    environ: dict[str, str]
    directory: str
    label: str = ""


class CancelOrder(_Frame):
    """Stop the execution of this connection; `ended` still follows."""

    op: Literal["cancel"] = "cancel"


class PreloadOrder(_Frame):
    """Import more modules, after those already ordered."""

    op: Literal["preload"] = "preload"
    modules: tuple[str, ...]


class StatusOrder(_Frame):
    """Ask for a `Status`."""

    op: Literal["status"] = "status"


class StopOrder(_Frame):
    """End the host: when its children have ended, or at once."""

    op: Literal["stop"] = "stop"
    force: bool = False


Order = ExecuteOrder | CancelOrder | PreloadOrder | StatusOrder | StopOrder


class Started(_Frame):
    """The child runs."""

    event: Literal["started"] = "started"
    pid: int


class Refused(_Frame):
    """The host does not fork, and says why."""

    event: Literal["refused"] = "refused"
    reason: str


class ExitStatus(_Frame):
    """How a child ended; what its body did is in the response file.

    Attributes:
        exit_code: As given to exit, or None if a signal ended it.
        signal: Number of that signal, or None.
        stopped: Why the host ended it, if it did.
        wall_seconds: From its start to when nothing of it ran any more.
        cpu_seconds, peak_memory_bytes: As the kernel counted them; 0 where the child wrote its response and
            the kernel was not waited for: the response says what it used.
        out_of_memory: The kernel killed a process for lack of memory while the child ran.
    """

    event: Literal["ended"] = "ended"
    exit_code: int | None = None
    signal: int | None = None
    stopped: Literal["timeout", "cancel", "client lost", "host stopped"] | None = None
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    out_of_memory: bool = False


class RunningChild(_Frame):
    """An execution in progress."""

    pid: int
    label: str
    seconds: float


class Status(_Frame):
    """What a host says of itself.

    Attributes:
        loaded, pending: Modules imported, and still to be.
        failed: Modules that could not be imported, and why.
        release: Changes with the environment and the version of the library.
        queued: Executions that wait for a module.
        served: Children forked so far.
        idle_seconds: Since it last had something to do.
    """

    event: Literal["status"] = "status"
    pid: int
    interpreter: str
    release: str
    seconds: float
    threads: int
    memory_bytes: int
    loaded: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    failed: dict[str, str] = {}
    children: tuple[RunningChild, ...] = ()
    queued: int = 0
    served: int = 0
    idle_seconds: float = 0.0
    idle_timeout_seconds: float
    stopping: bool = False


class Done(_Frame):
    """An order without an answer of its own was taken."""

    event: Literal["done"] = "done"


Event = Started | Refused | ExitStatus | Status | Done

_orders: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="op")])
_events: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def encode(message: Order | Event) -> bytes:
    """One frame: four bytes of length, big-endian, then JSON."""
    body = message.model_dump_json().encode()
    return _HEADER.pack(len(body)) + body


class FrameBuffer:
    """Takes bytes as they come, gives whole frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The frames completed by these bytes.

        Raises:
            ValueError: The peer announces a frame of an unlikely size, or sends no JSON.
        """
        self._bytes += data
        frames = []
        while len(self._bytes) >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._bytes)
            if length > MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {length} bytes")
            end = _HEADER.size + length
            if len(self._bytes) < end:
                break
            frames.append(json.loads(self._bytes[_HEADER.size : end]))
            del self._bytes[:end]
        return frames


def parse_order(frame: dict[str, Any]) -> Order:
    """An order from a frame.

    Raises:
        ValueError: It is none.
    """
    return _orders.validate_python(frame)


def parse_event(frame: dict[str, Any]) -> Event:
    """An event from a frame.

    Raises:
        ValueError: It is none.
    """
    return _events.validate_python(frame)


class Link:
    """A client's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = FrameBuffer()
        self._waiting: list[Event] = []

    def send(self, order: Order) -> None:
        """Send one order.

        Raises:
            HostUnavailableError: The host is gone.
        """
        try:
            self._socket.sendall(encode(order))
        except OSError as error:
            raise lost(str(error)) from error

    def receive(self, timeout_seconds: float) -> Event | None:
        """The next event, or None if none comes in that time.

        Raises:
            HostUnavailableError: The host is gone.
        """
        if not self._waiting:
            self._socket.settimeout(max(timeout_seconds, 0.001))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise lost(str(error)) from error
            if not data:
                raise lost("it closed the connection")
            self._waiting.extend(parse_event(frame) for frame in self._buffer.feed(data))
        return self._waiting.pop(0) if self._waiting else None

    def close(self) -> None:
        """Close the connection; a running execution of it is stopped by the host."""
        self._socket.close()


def lost(why: str) -> HostUnavailableError:
    """The error for a host that is gone."""
    return HostUnavailableError(
        f"the executor host is gone: {why}",
        fix="run again; `pipeline host status` shows what runs, `--cold` does without a host",
    )
