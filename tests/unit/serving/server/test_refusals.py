"""HTTP statuses are those that TensorFlow Serving gives for gRPC's."""

import grpc
import pytest

from pipeline_lib.serving.server.refusals import Status, invalid


@pytest.mark.parametrize("status", Status, ids=lambda one: one.name)
def test_numbers_are_those_of_grpc(status: Status) -> None:
    assert getattr(grpc.StatusCode, status.name).value[0] == status.number


def test_http_statuses() -> None:
    assert invalid("no").status.http == 400
    assert Status.FAILED_PRECONDITION.http == 400
    assert Status.NOT_FOUND.http == 404
    assert Status.UNAVAILABLE.http == 503
