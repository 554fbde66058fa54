"""What the clients share: who answers them, and how a server's refusal becomes an error of ours."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pipeline_lib.errors import (
    ModelNotServedError,
    PipelineError,
    ServerUnreachableError,
    ServingFailedError,
    ServingRefusedError,
)

T = TypeVar("T")

_REFUSED = {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"}


def asking(tries: int, ask: Callable[[], T]) -> T:
    """Ask again, after a moment, while nobody answers; a refused request is not repeated."""
    retrying = Retrying(
        retry=retry_if_exception_type(ServerUnreachableError),
        stop=stop_after_attempt(tries),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        reraise=True,
    )
    return retrying(ask)


def raise_refusal(code: str, message: str, at: str) -> NoReturn:
    """Raise what a gRPC status means.

    Raises:
        ServerUnreachableError: UNAVAILABLE or DEADLINE_EXCEEDED.
        ModelNotServedError: NOT_FOUND.
        ServingRefusedError: The request does not fit.
        ServingFailedError: Anything else.
    """
    kind: type[PipelineError]
    if code in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
        kind, summary, fix = (
            ServerUnreachableError,
            "the model server does not answer",
            "see whether it runs and the address is right: `pipeline serve` starts a local one",
        )
    elif code == "NOT_FOUND":
        kind, summary, fix = (
            ModelNotServedError,
            "the server does not serve that",
            "`pipeline serving status NAME` tells the versions that it has",
        )
    elif code in _REFUSED:
        kind, summary, fix = (
            ServingRefusedError,
            "the server refused the request",
            "make it fit the model's signature or the server's configuration",
        )
    else:
        kind, summary, fix = (
            ServingFailedError,
            "the server failed at the request",
            "look at the server's log",
        )
    raise kind(f"{summary}: {message}" if message else summary, at=at, status=code, fix=fix)
