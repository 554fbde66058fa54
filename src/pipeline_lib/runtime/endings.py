"""From how a child ended to the response the launcher gets."""

import signal
from pathlib import Path

from pipeline_lib.errors import (
    ChildDiedError,
    ExecutionCanceledError,
    ExecutionTimeoutError,
    PipelineError,
)
from pipeline_lib.runtime.host.protocol import ExecuteOrder, ExitStatus
from pipeline_lib.runtime.messages import Failure, Request, Response, Usage

TAIL_LINES = 15
_TAIL_BYTES = 4096


def response_of(status: ExitStatus, order: ExecuteOrder, request: Request) -> Response:
    """What came of an execution.

    The body's own response counts, even if the process broke while it ended; without one, or with one that
    only tells of being stopped, what ended the process does.
    """
    response = _read(Path(order.response))
    usage = response.usage if response is not None else _usage(status)
    if response is not None and response.failure is None:
        return response
    if status.stopped == "timeout":
        return failed(_timed_out(order, request, response), usage=usage, trace=_trace(response))
    if status.stopped is not None:
        return canceled(request, usage=usage, trace=_trace(response))
    if response is not None:
        return response
    return failed(_died(status, order, request), usage=usage)


def failed(
    error: PipelineError, *, usage: Usage | None = None, trace: str = "", retryable: bool = True
) -> Response:
    """A response that says so."""
    failure = Failure(error=error.as_json(), traceback=trace, retryable=retryable)
    return Response(failure=failure, usage=usage or Usage())


def canceled(request: Request, *, usage: Usage | None = None, trace: str = "") -> Response:
    """The response of an execution that was stopped from outside."""
    error = ExecutionCanceledError(
        f"{request.code} was stopped while it ran" if usage else f"{request.code} was not started",
        fix="run the pipeline again; finished nodes are kept",
    )
    return failed(error, usage=usage, trace=trace, retryable=False)


def log_tail(log: Path) -> str:
    """The last lines of a log."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def _read(path: Path) -> Response | None:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    return Response.model_validate_json(text)


def _usage(status: ExitStatus) -> Usage:
    return Usage(
        wall_seconds=status.wall_seconds,
        cpu_seconds=status.cpu_seconds,
        peak_memory_bytes=status.peak_memory_bytes,
    )


def _trace(response: Response | None) -> str:
    return response.failure.traceback if response is not None and response.failure is not None else ""


def _timed_out(order: ExecuteOrder, request: Request, response: Response | None) -> ExecutionTimeoutError:
    place = None
    if response is not None and response.failure is not None:
        place = response.failure.error.get("at")
    return ExecutionTimeoutError(
        f"{request.code} ran longer than {order.timeout_seconds:g} s and was stopped",
        at=place,
        log=order.log,
        fix="give the component a longer timeout=, or less to do",
    )


def _died(status: ExitStatus, order: ExecuteOrder, request: Request) -> ChildDiedError:
    fix = "see the end of the log, given here"
    if status.signal is None:
        how = f"ended with exit code {status.exit_code} and without a result"
    else:
        how = f"was ended by {signal.Signals(status.signal).name}"
        if status.signal == signal.SIGKILL:
            fix = "give it more memory, or less to do at a time"
            if status.out_of_memory:
                how += ": the kernel ran out of memory"
            else:
                fix = f"if nobody killed it: {fix}"
    return ChildDiedError(
        f"the process of {request.code} {how}",
        peak_memory=f"{status.peak_memory_bytes / 2**20:.0f} MiB",
        log=log_tail(Path(order.log)),
        at=order.log,
        fix=fix,
    )
