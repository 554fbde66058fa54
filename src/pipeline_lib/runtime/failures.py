"""From an exception in a body to the `Failure` the launcher shows (what, where, why), and back."""

import errno
import re
import sysconfig
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline_lib.errors import (
    ArtifactStoreError,
    ComponentFailedError,
    ExecutionCanceledError,
    MetadataUnavailableError,
    PipelineError,
    WorkplaceError,
)
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.models import CodeRef
from pipeline_lib.runtime.messages import Failure, Response
from pipeline_lib.runtime.results import NodeResult

MESSAGE_LIMIT = 2_000
TRACEBACK_LIMIT = 20_000
# Ours are about what the user gave: another try meets it again. These two are about the surroundings.
_PASSING = (ArtifactStoreError, MetadataUnavailableError)

# Controls but for tab and new line, and halves of UTF-16, with which Python stands in for other bytes.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Canceled(BaseException):
    """Raised in a body by SIGTERM, so that its `finally` blocks run; no `except Exception` catches it."""


def failure_of(error: BaseException, code: CodeRef, *, staging: str = "") -> Failure:
    """What to tell the launcher about an exception.

    Args:
        error: As caught around the body.
        code: The component.
        staging: Where its outputs are written: an error of a full disk names no file.
    """
    trace = traceback.TracebackException.from_exception(error, compact=True)
    text = _printable("".join(_without_runtime(trace).format())[-TRACEBACK_LIMIT:])
    if isinstance(error, PipelineError):
        retryable = bool(getattr(error, "retryable", isinstance(error, _PASSING)))
        return Failure(error=_all_printable(error.as_json()), traceback=text, retryable=retryable)
    place = user_place(error)
    if isinstance(error, Canceled):
        stopped = ExecutionCanceledError(
            f"{code} was stopped while it ran",
            at=place,
            fix="run the pipeline again; finished nodes are kept",
        )
        return Failure(error=stopped.as_json(), traceback=text, retryable=False)
    wrapped = _wrapped(error, code, place, staging)
    return Failure(error=_all_printable(wrapped.as_json()), traceback=text)


def _all_printable(value: Any) -> Any:
    match value:
        case str():
            return _printable(value)
        case dict():
            return {key: _all_printable(item) for key, item in value.items()}
        case list():
            return [_all_printable(item) for item in value]
    return value


def _printable(text: str) -> str:
    """With escapes for what JSON, a store or a screen would not take as text: names that are no UTF-8."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _wrapped(error: BaseException, code: CodeRef, place: str | None, staging: str) -> ComponentFailedError:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    message = _text_of(error)
    if len(message) > MESSAGE_LIMIT:
        message = message[:MESSAGE_LIMIT] + " … (the whole of it is in the log)"
    if isinstance(error, SystemExit):
        message = f"the body called sys.exit({error.code!r})"
    said = f"{name}: {message}" if message else name
    fix = "mend the line named here; the log of the execution has the traceback"
    if isinstance(error, OSError) and error.errno in _DISK:
        fix = f"check space and permissions of {error.filename or staging or 'the disk it writes to'}"
    if isinstance(error, MemoryError):
        fix = "give it more memory, or less to do at a time; the log of the execution has the traceback"
    return ComponentFailedError(f"{code.qualname} raised {said}", component=str(code), at=place, fix=fix)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001  the author's, like the first
        return f"an error whose text cannot be made: {type(second).__qualname__}"


def user_place(error: BaseException) -> str | None:
    """`file:line` of the innermost frame in first-party code; of the innermost frame if there is none.

    A syntax error is where the parser found it.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    places = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    if not places:
        return None
    theirs = [(frame, line) for frame, line in places if _is_first_party(frame)]
    frame, line = (theirs or places)[-1]
    return f"{frame.f_code.co_filename}:{line}"


def _is_first_party(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return not file.startswith("<") and not any(Path(file).is_relative_to(root) for root in _foreign_roots())


def _foreign_roots() -> list[Path]:
    paths = sysconfig.get_paths()
    named = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return [_library_root(), *(Path(name) for name in named)]


def _library_root() -> Path:
    return Path(__file__).parents[1]


def _without_runtime(trace: traceback.TracebackException) -> traceback.TracebackException:
    """Drop the frames of ours that lead to the component, unless there is nothing else."""
    kept = list(trace.stack)
    while kept and (
        Path(kept[0].filename).is_relative_to(_library_root()) or kept[0].filename.startswith("<")
    ):
        kept.pop(0)
    if kept:
        trace.stack = traceback.StackSummary.from_list(kept)
    return trace


def named_error(error: PipelineError | OSError, key: NodeKey) -> PipelineError:
    """The error itself, or what the launcher's own files met, with its place."""
    if isinstance(error, PipelineError):
        return error
    return WorkplaceError(
        f"{key} cannot be launched: {error.strerror or error}",
        at=error.filename,
        fix="check free space and permissions there",
    )


class ChildFailedError(PipelineError):
    """The child reported a failure; looks like the error it reports."""

    code = "PL000"

    def __init__(self, response: Response) -> None:
        failure = response.failure
        record = failure.error if failure is not None else {}
        super().__init__(record["summary"], fix=record["fix"], at=record.get("at"), **record.get("facts", {}))
        self.__dict__["code"] = record["code"]
        self.retryable = failure is not None and failure.retryable

    def __reduce__(self) -> tuple[Any, ...]:
        return PipelineError.from_json, (self.as_json(),)


class TryFailedError(Exception):
    """One try failed; carries its result out of the launcher's retry loop."""

    def __init__(self, result: NodeResult, *, retryable: bool) -> None:
        super().__init__(result.reason)
        self.result, self.retryable = result, retryable


def is_retryable(error: PipelineError) -> bool:
    """Whether another try might mend it."""
    return bool(getattr(error, "retryable", True))
