"""The gRPC client: what it makes of a server's answers, of its refusals and of silence."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from pipeline_lib.errors import (
    ModelNotServedError,
    ServerUnreachableError,
    ServingFailedError,
    ServingRefusedError,
)
from pipeline_lib.serving.clients.rpc import GrpcClient
from pipeline_lib.serving.versions import ModelConfig, VersionState

pytestmark = pytest.mark.xdist_group("model_server")


@pytest.fixture
def client(rpc_address: str) -> Iterator[GrpcClient]:
    with GrpcClient(rpc_address) as client:
        yield client


def test_a_model_s_versions_and_signatures(client: GrpcClient) -> None:
    (one,) = client.status("scale")
    assert (one.version, one.state, one.error_code) == (7, VersionState.AVAILABLE, "OK")
    assert set(client.signatures("scale")) == {"serving_default", "both", "slow"}
    assert client.wait_until_available("scale", 7, timeout_seconds=60) >= 0


@pytest.mark.parametrize("asked", [{}, {"version": 7}])
def test_arrays_go_and_come(client: GrpcClient, asked: dict[str, int]) -> None:
    found = client.predict("scale", {"x": np.array([1.5, 2], np.float32)}, **asked)
    assert found["y"].tolist() == [3.0, 4.0]
    both = client.predict("scale", {"n": np.array([1]), "text": ["ä"]}, signature="both") if not asked else {}
    assert both.get("text", [b"\xc3\xa4"])[0] == "ä".encode()


def test_refusals_are_errors_of_ours(client: GrpcClient) -> None:
    with pytest.raises(ModelNotServedError, match="nobody"):
        client.status("nobody")
    with pytest.raises(ModelNotServedError, match="does not serve that"):
        client.predict("scale", {"x": [1.0]}, version=8)
    with pytest.raises(ServingRefusedError, match="refused the request"):
        client.predict("scale", {"z": [1.0]})
    with pytest.raises(ServingRefusedError, match="refused the request"):
        client.predict("scale", {"x": [1.0]}, label="canary")


def test_waiting_ends_with_the_reason(client: GrpcClient) -> None:
    with pytest.raises(ServingFailedError, match="version 1 of broken does not load") as caught:
        client.wait_until_available("broken", 1, timeout_seconds=5)
    assert caught.value.facts["reason"]
    with pytest.raises(ServerUnreachableError, match="version 8 of scale is not available") as late:
        client.wait_until_available("scale", 8, timeout_seconds=0.2)
    assert late.value.facts["state"] == "not known to the server"


def test_a_configuration_that_is_refused_is_told(client: GrpcClient) -> None:
    """The call itself is OK, as TensorFlow Serving has it; the refusal is in its answer."""
    twice = [ModelConfig(name="scale", base_path="/a"), ModelConfig(name="scale", base_path="/b")]
    with pytest.raises(ServingRefusedError, match="refused the request"):
        client.reload(twice)
    assert client.predict("scale", {"x": [1.0]})["y"].tolist() == [2.0]


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening
        with (
            GrpcClient(f"127.0.0.1:{taken.getsockname()[1]}", tries=2, timeout_seconds=2) as client,
            pytest.raises(ServerUnreachableError, match="does not answer"),
        ):
            client.status("scale")
