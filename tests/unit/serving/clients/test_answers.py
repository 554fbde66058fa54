"""Refusals by their gRPC status, and who is asked again."""

import pytest

from pipeline_lib.errors import (
    ModelNotServedError,
    ServerUnreachableError,
    ServingFailedError,
    ServingRefusedError,
)
from pipeline_lib.serving.clients.answers import asking, raise_refusal


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("UNAVAILABLE", ServerUnreachableError),
        ("DEADLINE_EXCEEDED", ServerUnreachableError),
        ("NOT_FOUND", ModelNotServedError),
        ("INVALID_ARGUMENT", ServingRefusedError),
        ("INTERNAL", ServingFailedError),
    ],
)
def test_a_status_is_an_error(code: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="told why"):
        raise_refusal(code, "told why", "server:1")


@pytest.mark.parametrize(("code", "calls"), [("UNAVAILABLE", 3), ("NOT_FOUND", 1)])
def test_only_silence_is_asked_again(code: str, calls: int) -> None:
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        raise_refusal(code, "", "server:1")

    with pytest.raises((ServerUnreachableError, ModelNotServedError)):
        asking(3, ask)
    assert len(asked) == calls
