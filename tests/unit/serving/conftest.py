"""Directories that look like SavedModels, without TensorFlow; and a server with a real one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

Made = Callable[[str], Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Makes a model of some text."""

    def make(text: str) -> Path:
        directory = tmp_path / "models" / text
        if not directory.exists():
            (directory / "variables").mkdir(parents=True)
            (directory / "saved_model.pb").write_bytes(b"\x08\x01" + text.encode())
            (directory / "variables" / "variables.index").write_bytes(b"index")
            (directory / "variables" / "variables.data-00000-of-00001").write_bytes(text.encode() * 100)
        return directory

    return make


@pytest.fixture(scope="session")
def rpc_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gRPC server in this process: model `scale`, which doubles x, and `broken`, which does not load."""
    from integration.model_servers import export
    from pipeline_lib.serving.server.answering import Answering
    from pipeline_lib.serving.server.manager import ModelManager
    from pipeline_lib.serving.server.metrics import Metrics
    from pipeline_lib.serving.server.rpc import grpc_server
    from pipeline_lib.serving.server.servable import Servable
    from pipeline_lib.serving.server.sources import Sources
    from pipeline_lib.serving.versions import ModelConfig

    root = tmp_path_factory.mktemp("rpc")
    export(root / "scale/7", 2.0)
    (root / "broken/1").mkdir(parents=True)
    (root / "broken/1/saved_model.pb").write_bytes(b"no model")
    configs = [ModelConfig(name=name, base_path=str(root / name)) for name in ("scale", "broken")]
    manager = ModelManager(Servable.load, configs, source=Sources(root / ".copies"))
    manager.poll()
    with ThreadPoolExecutor(2) as threads:
        server, port = grpc_server(
            Answering(manager, Metrics()), threads, address="127.0.0.1:0", max_bytes=100_000
        )
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(0).wait()
