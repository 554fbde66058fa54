"""Errors of serving: each status of a server has its class, and only silence is asked again."""

import pytest

from pipeline_lib.errors import (
    ModelNotServedError,
    PipelineError,
    ServerUnreachableError,
    ServingFailedError,
    ServingRefusedError,
    serving,
)
from pipeline_lib.serving.clients.answers import raise_refusal


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        ("UNAVAILABLE", ServerUnreachableError),
        ("DEADLINE_EXCEEDED", ServerUnreachableError),
        ("NOT_FOUND", ModelNotServedError),
        ("INVALID_ARGUMENT", ServingRefusedError),
        ("INTERNAL", ServingFailedError),
        ("A_STATUS_TO_COME", ServingFailedError),
    ],
)
def test_a_server_s_status_is_one_of_ours(status: str, cls: type[PipelineError]) -> None:
    with pytest.raises(PipelineError, match="told why") as caught:
        raise_refusal(status, "told why", "host:1")
    assert type(caught.value) is cls
    assert (caught.value.at, caught.value.facts["status"]) == ("host:1", status)


def test_codes_are_of_the_range_of_serving() -> None:
    classes = [cls for cls in vars(serving).values() if isinstance(cls, type) and cls is not PipelineError]
    assert {cls.code[:3] for cls in classes} == {"PL8"}
