"""The server as a process: ports, polling, and an end that lets requests finish."""

import asyncio
import logging
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn
import uvloop

from pipeline_lib.collection import collect_as_usual
from pipeline_lib.errors import PipelineError, ServerSettingsError
from pipeline_lib.serving.server.answering import Answering
from pipeline_lib.serving.server.batching import BatchingOptions
from pipeline_lib.serving.server.configs import read_config_file
from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Refusal
from pipeline_lib.serving.server.rest import RestInterface
from pipeline_lib.serving.server.rpc import grpc_server
from pipeline_lib.serving.server.saved_model import give_memory_back
from pipeline_lib.serving.server.servable import Servable
from pipeline_lib.serving.server.sources import Sources
from pipeline_lib.serving.server.tls import ServerTls
from pipeline_lib.serving.versions import ModelConfig

_LOG = logging.getLogger(__name__)
# Proxies keep idle connections for a minute; who closes first breaks the request that is on its way.
_KEEP_ALIVE_SECONDS = 90
_END_SECONDS = 3.0
_ENDING = (signal.SIGTERM, signal.SIGINT)
_THREADS = 16
# Each request that waits for its batch holds one.
_BATCHED_THREADS = 128


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
        max_request_bytes: Of a request; longer ones are refused.
        batching: Run requests together; None runs each alone.
        tls: Of both interfaces; None listens without.
        early_labels: Whether a label that is not in use may name a version that is not available yet.
        config_file: Read again every `config_poll_seconds`, if that is not 0.
    """

    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    poll_seconds: float = 1.0
    grace_seconds: float = 10.0
    max_retries: int = 5
    retry_seconds: float = 60.0
    max_request_bytes: int = 64 * 2**20
    batching: BatchingOptions | None = None
    tls: ServerTls | None = None
    early_labels: bool = False
    config_file: Path | None = None
    config_poll_seconds: float = 0.0


def serve(
    configs: Sequence[ModelConfig], options: ServerOptions, *, ready: Callable[[int, int], None]
) -> None:
    """Serve until SIGTERM or SIGINT, as the last thing that this process does: further ones are ignored.

    Args:
        configs: The models.
        options: Ports and times.
        ready: Called with the REST and the gRPC port once both listen and every model had its first look.

    Raises:
        ServerSettingsError: A port is taken.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    metrics = Metrics()
    with _following(configs, options, metrics) as manager, _pools(options) as (rpc_threads, rest_threads):
        answering = Answering(manager, metrics)
        listener = _listen(options.host, options.rest_port)
        rpc, grpc_port = grpc_server(
            answering,
            rpc_threads,
            address=f"{options.host}:{options.grpc_port}",
            max_bytes=options.max_request_bytes,
            tls=options.tls,
        )
        if not grpc_port:
            listener.close()
            raise _taken(options.host, options.grpc_port)
        manager.poll()
        _start_polling(manager, options)
        rpc.start()
        rest = RestInterface(answering, rest_threads, max_bytes=options.max_request_bytes)
        collect_as_usual()  # so that one after an unloading visits the model alone
        told = partial(ready, int(listener.getsockname()[1]), grpc_port)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(
                    _answer(
                        rest, listener, options, ready=told, ending=partial(rpc.stop, options.grace_seconds)
                    )
                )
        finally:
            rpc.stop(options.grace_seconds).wait()
            listener.close()


@contextmanager
def _following(
    configs: Sequence[ModelConfig], options: ServerOptions, metrics: Metrics
) -> Iterator[ModelManager[Servable]]:
    with tempfile.TemporaryDirectory(prefix="pipeline-serve-") as copies:
        manager = ModelManager(
            _counted(metrics, options.batching),
            configs,
            source=Sources(Path(copies)),
            max_retries=options.max_retries,
            retry_seconds=options.retry_seconds,
            early_labels=options.early_labels,
            dropped=give_memory_back,
        )
        try:
            yield manager
        finally:
            manager.stop()


@contextmanager
def _pools(options: ServerOptions) -> Iterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor]]:
    threads = _THREADS if options.batching is None else _BATCHED_THREADS
    with (
        ThreadPoolExecutor(threads, thread_name_prefix="grpc") as rpc,
        ThreadPoolExecutor(threads, thread_name_prefix="rest") as rest,
    ):
        yield rpc, rest


def _start_polling(manager: ModelManager[Servable], options: ServerOptions) -> None:
    targets: list[Callable[[], None]] = [partial(manager.run, options.poll_seconds)]
    if options.config_file is not None and options.config_poll_seconds:
        targets.append(partial(_follow_file, manager, options.config_file, options.config_poll_seconds))
    for target in targets:
        threading.Thread(target=target, name="poll", daemon=True).start()


def _follow_file(manager: ModelManager[Servable], file: Path, seconds: float) -> None:
    known = file.read_bytes()
    while not manager.stopped(seconds):
        try:
            found = file.read_bytes()
            if found != known:
                manager.reload(read_config_file(file))
                known = found
                _LOG.info("the configuration is that of %s now", file)
        except (OSError, PipelineError, Refusal) as error:
            _LOG.warning("%s is not applied: %s", file, error)


class _RestServer(uvicorn.Server):
    """uvicorn's, which leaves signals to us: its handlers go before the last request of gRPC has ended."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _answer(
    rest: RestInterface,
    listener: socket.socket,
    options: ServerOptions,
    *,
    ready: Callable[[], None],
    ending: Callable[[], object],
) -> None:
    tls = options.tls
    server = _RestServer(
        uvicorn.Config(
            rest,
            interface="asgi3",
            http="httptools",
            ws="none",
            log_level=logging.WARNING,
            access_log=False,
            lifespan="off",
            server_header=False,
            ssl_context_factory=(lambda *_: tls.for_rest()) if tls is not None else None,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(options.grace_seconds)),
        )
    )
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.should_exit = True
        ending()
        # A thread cannot be ended: a request that goes on and on must not keep the process.
        last = threading.Timer(options.grace_seconds + _END_SECONDS, _give_up, (options.grace_seconds,))
        last.daemon = True
        last.start()

    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    for number in _ENDING:
        loop.add_signal_handler(number, end)
    ready()
    await task
    for number in _ENDING:  # asked once more, it is ending already
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


def _give_up(seconds: float) -> None:
    _LOG.error("requests in flight did not end in %g s and are cut off", seconds)
    os._exit(1)


def _counted(metrics: Metrics, batching: BatchingOptions | None) -> Callable[[Path], Servable]:
    def load(directory: Path) -> Servable:
        started, status = time.perf_counter(), "fail"
        try:
            made = Servable.load(directory, batching=batching, metrics=metrics)
            status = "success"
        finally:
            metrics.loaded(str(directory), status=status, seconds=time.perf_counter() - started)
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
