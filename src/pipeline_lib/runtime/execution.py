"""`Executor`: has a request executed in a process of its own, warm or cold, and says what came of it."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from pipeline_lib.errors import (
    ChildDiedError,
    HostUnavailableError,
    PipelineError,
    UnknownEnvironmentError,
    WorkplaceError,
)
from pipeline_lib.runtime.endings import canceled, failed, log_tail, response_of
from pipeline_lib.runtime.environment import child_environment, environment_digest
from pipeline_lib.runtime.host.client import HostClient, NotStarted, follow
from pipeline_lib.runtime.host.protocol import ExecuteOrder, ExitStatus
from pipeline_lib.runtime.host.starting import cold_process, ensure_host
from pipeline_lib.runtime.messages import Request, Response
from pipeline_lib.runtime.progress import Progress, ProgressReader
from pipeline_lib.settings import HostSettings


class Executor:
    """Executes requests; `execute` may be called from several threads at once.

    A component that imports what takes seconds (TensorFlow, Beam) goes to the warm host, any other to the
    light host, where it need not wait for these imports. A component with an environment of its own gets a
    fresh process of that interpreter; so does every component if there is no host.

    Args:
        host: Whether and where the executor host is.
        environments: Interpreters by name, for components that ask for one.
        cold: Never use the host.
    """

    def __init__(
        self,
        *,
        host: HostSettings,
        environments: Mapping[str, Path] | None = None,
        cold: bool = False,
    ) -> None:
        self._settings = host
        self._environments = dict(environments or {})
        self._warm = host.enabled and not cold

    def warm_up(self, preload: Sequence[str]) -> None:
        """Have the host import these, in that order, while something else is done; returns at once.

        What a run's first nodes need comes first. Without a host this does nothing.
        """
        if self._warm and preload:
            try:
                self._host(tuple(preload))
            except HostUnavailableError:
                return  # each execution tries again, and then goes without

    def execute(
        self,
        request: Request,
        *,
        log_path: Path,
        timeout_seconds: float | None = None,
        preload: tuple[str, ...] = (),
        on_progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Response:
        """Execute one request and wait for its end; every way to fail is in the response.

        Args:
            request: What to execute.
            log_path: Gets all that the child prints, after what is there already.
            timeout_seconds: From the start of the child; then it and its processes are stopped.
            preload: Heavy third-party modules the component imports; empty for a light one.
            on_progress: Called in this thread with what the body reports.
            cancel: Set to have the child stopped.
        """
        cancel = cancel or threading.Event()
        if cancel.is_set():
            return canceled(request)
        log_path.parent.mkdir(parents=True, exist_ok=True)
        log_path.touch(mode=0o600, exist_ok=True)  # whoever writes to it first, host or fresh process
        try:
            with _scratch() as scratch:
                order = self._order(request, scratch, log_path, timeout_seconds, preload)
                progress = ProgressReader(Path(order.progress), on_progress)
                status = self._run(order, request, cancel, progress.poll)
                return response_of(status, order, request)
        except PipelineError as error:
            return failed(error, retryable=isinstance(error, ChildDiedError | WorkplaceError))

    def _order(
        self,
        request: Request,
        scratch: Path,
        log_path: Path,
        timeout_seconds: float | None,
        preload: tuple[str, ...],
    ) -> ExecuteOrder:
        request_path = scratch / "request.json"
        try:
            request_path.write_text(request.model_dump_json(), encoding="utf-8")
        except OSError as error:
            raise _no_room(request_path, error) from error
        return ExecuteOrder(
            request=str(request_path),
            response=str(scratch / "response.json"),
            log=str(log_path.absolute()),
            progress=str(scratch / "progress.jsonl"),
            scratch=str(scratch),
            modules=preload,
            timeout_seconds=timeout_seconds,
            grace_seconds=self._settings.kill_grace_seconds,
            environ=child_environment(os.environ),
            directory=str(Path.cwd()),
            label=str(request.context.get("node", request.code)),
        )

    def _run(
        self, order: ExecuteOrder, request: Request, cancel: threading.Event, tick: Callable[[], None]
    ) -> ExitStatus:
        if self._warm and request.environment is None:
            try:
                outcome = self._run_warm(order, cancel, tick)
            except HostUnavailableError as error:
                raise ChildDiedError(
                    f"{request.code} was lost with its executor host",
                    host=error.summary,
                    fix="run again; with `--cold` every node has a process of its own",
                ) from error
            if isinstance(outcome, ExitStatus):
                return outcome
            with Path(order.log).open("a", encoding="utf-8") as log:
                log.write(f"executed in a fresh process: {outcome.reason}\n")
        return self._run_cold(order, request, cancel, tick)

    def _run_warm(
        self, order: ExecuteOrder, cancel: threading.Event, tick: Callable[[], None]
    ) -> ExitStatus | NotStarted:
        """Once more if the host was just ending; the reason if it does not go at all."""
        outcome: ExitStatus | NotStarted = NotStarted(reason="not tried")
        for _ in range(2):
            try:
                host = self._host(order.modules)
            except HostUnavailableError as error:
                return NotStarted(reason=error.summary)
            outcome = host.execute(order, cancel=cancel, tick=tick)
            if isinstance(outcome, ExitStatus):
                break
        return outcome

    def _run_cold(
        self, order: ExecuteOrder, request: Request, cancel: threading.Event, tick: Callable[[], None]
    ) -> ExitStatus:
        interpreter = self._interpreter(request)
        process, link = cold_process(interpreter, order.environ, Path(order.log))
        try:
            outcome = follow(link, order.model_copy(update={"modules": ()}), cancel=cancel, tick=tick)
        except HostUnavailableError as error:
            raise ChildDiedError(
                f"{request.code} was lost with the process that watched over it", fix="run again"
            ) from error
        finally:
            _wait(process, self._settings.kill_grace_seconds + 5.0)
        if isinstance(outcome, NotStarted):
            raise HostUnavailableError(
                f"{interpreter} did not start to execute {request.code}",
                log=log_tail(Path(order.log)),
                fix="install pipeline_lib's core into that environment, or mend what the log shows",
            )
        return outcome

    def _interpreter(self, request: Request) -> Path:
        if request.environment is None:
            return Path(sys.executable)
        found = self._environments.get(request.environment)
        if found is None or not found.is_file():
            raise UnknownEnvironmentError(
                f"{request.code} asks for the environment {request.environment}",
                known=", ".join(self._environments) or "none",
                got=found,
                fix="give the path of its interpreter in the profile's environments",
            )
        return found

    def _host(self, modules: tuple[str, ...]) -> HostClient:
        return ensure_host(modules, self._environment_digest, self._settings)

    @cached_property
    def _environment_digest(self) -> str:
        return environment_digest()


@contextmanager
def _scratch() -> Iterator[Path]:
    """A private directory for the exchange and for what the body leaves among temporary files."""
    try:
        directory = Path(tempfile.mkdtemp(prefix="pipeline-"))
    except OSError as error:
        raise _no_room(error.filename or "among temporary files", error) from error
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _no_room(place: Path | str, error: OSError) -> WorkplaceError:
    return WorkplaceError(
        f"the exchange with the component's process cannot be written: {error.strerror or error}",
        at=str(place),
        fix="free space there, or name another directory by TMPDIR",
    )


def _wait(process: subprocess.Popen[bytes], patience_seconds: float) -> None:
    try:
        process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
