"""Paths, methods and bodies of the REST interface, without a process."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest

from integration.model_servers import export
from pipeline_lib.serving.server.answering import Answering
from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.rest import METRICS_PATH, RestInterface
from pipeline_lib.serving.server.servable import Servable
from pipeline_lib.serving.server.sources import Sources
from pipeline_lib.serving.versions import ModelConfig

pytestmark = pytest.mark.xdist_group("model_server")


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestInterface]:
    root = tmp_path_factory.mktemp("rest")
    export(root / "my model/1", 2.0)
    config = ModelConfig(name="my model", base_path=str(root / "my model"))
    manager = ModelManager(Servable.load, [config], source=Sources(root))
    manager.poll()
    with ThreadPoolExecutor(2) as threads:
        yield RestInterface(Answering(manager, Metrics()), threads, max_bytes=100_000)


def ask(application: RestInterface, method: str, path: str, **options: Any) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(application)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, **options)

    return anyio.run(call)


URL = "/v1/models/my%20model"


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        pytest.param("GET", URL, 200, "AVAILABLE", id="status"),
        pytest.param("HEAD", URL, 200, "", id="head"),
        pytest.param("GET", f"{URL}/versions/1/metadata", 200, "signature_def", id="metadata"),
        pytest.param("GET", f"{URL}/versions/2", 404, "Could not find version 2 of model", id="version"),
        pytest.param("GET", f"{URL}/labels/a", 400, "Unrecognized servable version label: a", id="label"),
        pytest.param("GET", "/v1/models", 400, "Missing model name", id="no-name"),
        pytest.param("GET", "/v1/other", 400, "Malformed request: GET /v1/other", id="path"),
        pytest.param("GET", f"{URL}:predict", 400, "Malformed request: GET", id="method"),
        pytest.param("PUT", URL, 400, "Malformed request: PUT", id="put"),
        pytest.param("GET", f"{URL}/versions/{2**63}", 400, "to numeric", id="number"),
        pytest.param("GET", METRICS_PATH, 200, "# TYPE :tensorflow:serving:request_count", id="metrics"),
    ],
)
def test_paths(application: RestInterface, method: str, path: str, status: int, told: str) -> None:
    found = ask(application, method, path)
    assert (found.status_code, told in found.text) == (status, True), found.text


def test_bodies(application: RestInterface) -> None:
    body = b'{"instances": [1.0]}'
    for _ in range(3):  # in a thread at first, at once when it is known to be quick
        assert ask(application, "POST", f"{URL}:predict", content=body).json() == {"predictions": [2.0]}
    assert ask(application, "POST", f"{URL}:PREDICT", content=body).status_code == 200
    packed = ask(
        application,
        "POST",
        f"{URL}:predict",
        content=gzip.compress(b'{"inputs": [' + b"1," * 9000 + b"1]}"),
        headers={"content-encoding": "gzip", "accept-encoding": "gzip"},
    )
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == {"outputs": [2.0] * 9001}
    assert ask(application, "POST", f"{URL}:predict", content=b" " * 100_001).status_code == 413
    broken = ask(application, "POST", f"{URL}:predict", content=b"no", headers={"content-encoding": "gzip"})
    assert (broken.status_code, "Failed to unpack" in broken.text) == (400, True)


def test_a_failure_of_ours_is_told_as_one(
    application: RestInterface, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("by accident")

    monkeypatch.setattr(Servable, "predict", broken)
    found = ask(application, "POST", f"{URL}:predict", content=b'{"instances": [1.0]}')
    assert (found.status_code, found.json()) == (500, {"error": "RuntimeError: by accident"})
