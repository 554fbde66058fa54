"""The server as a process: ports, polling, and an end that lets requests finish."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.rest import RestInterface
from pipeline_lib.serving.server.rpc import grpc_server
from pipeline_lib.serving.server.servable import Servable
from pipeline_lib.serving.versions import ModelConfig

_THREADS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How the server runs.

    Attributes:
        rest_port: 0 takes a free one.
        grpc_port: 0 takes a free one.
        poll_seconds: Between two looks at the base paths.
        grace_seconds: For requests in flight when the server is asked to end.
        max_retries: Further tries at a version that does not load.
        retry_seconds: Between them.
    """

    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    poll_seconds: float = 1.0
    grace_seconds: float = 10.0
    max_retries: int = 5
    retry_seconds: float = 60.0


def serve(
    configs: Sequence[ModelConfig], options: ServerOptions, *, ready: Callable[[int, int], None]
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        configs: The models.
        options: Ports and times.
        ready: Called with the REST and the gRPC port once both listen and every model had its first look.

    Raises:
        ServerSettingsError: A port is taken.
    """
    metrics = Metrics()
    manager = ModelManager(
        _counted(metrics), configs, max_retries=options.max_retries, retry_seconds=options.retry_seconds
    )
    listener = _listen(options.host, options.rest_port)
    rpc, grpc_port = grpc_server(
        manager, metrics, address=f"{options.host}:{options.grpc_port}", threads=_THREADS
    )
    if not grpc_port:
        listener.close()
        raise _taken(options.host, options.grpc_port)
    manager.poll()
    rpc.start()
    poller = threading.Thread(target=manager.run, args=(options.poll_seconds,), name="poll", daemon=True)
    poller.start()
    rest_port = int(listener.getsockname()[1])
    try:
        asyncio.run(
            _answer(RestInterface(manager, metrics), listener, options, lambda: ready(rest_port, grpc_port))
        )
    finally:
        rpc.stop(options.grace_seconds).wait()
        manager.stop()
        listener.close()


async def _answer(
    rest: RestInterface, listener: socket.socket, options: ServerOptions, ready: Callable[[], None]
) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            rest.application(),
            log_level=logging.WARNING,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=max(1, round(options.grace_seconds)),
        )
    )
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.should_exit = True

    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    # After uvicorn has set its own handlers: it raises the signal again at the end, ours do not.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    ready()
    await task


def _counted(metrics: Metrics) -> Callable[[Path], Servable]:
    def load(directory: Path) -> Servable:
        status = "fail"
        try:
            made = Servable.load(directory)
            status = "success"
        finally:
            metrics.loaded(str(directory), status=status)
        return made

    return load


def _listen(host: str, port: int) -> socket.socket:
    try:
        made = socket.create_server((host, port), backlog=512)
        # Inherited by connections; without it a small answer waits 40 ms for the client's acknowledgement.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    except OSError as error:
        raise _taken(host, port) from error


def _taken(host: str, port: int) -> ServerSettingsError:
    return ServerSettingsError(
        f"port {port} cannot be listened on",
        at=f"{host}:{port}",
        fix="stop what uses it, or give --rest-port and --grpc-port; 0 takes free ones",
    )
