"""A server that cannot listen says so, and leaves nothing behind."""

import socket
import threading
from pathlib import Path

import pytest

from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.server.process import ServerOptions, serve
from pipeline_lib.serving.versions import ModelConfig

pytestmark = pytest.mark.xdist_group("model_server")


@pytest.mark.parametrize("option", ["rest_port", "grpc_port"])
def test_a_port_that_is_taken(option: str, tmp_path: Path) -> None:
    told: list[tuple[int, ...]] = []
    before = {thread.name for thread in threading.enumerate()}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ServerOptions(**{"rest_port": 0, "grpc_port": 0, option: port})
        with pytest.raises(ServerSettingsError, match=f"port {port} cannot be listened on"):
            serve(
                [ModelConfig(name="m", base_path=str(tmp_path))],
                options,
                ready=lambda *ports: told.append(ports),
            )
    assert told == []
    assert "poll" not in {thread.name for thread in threading.enumerate()} - before
