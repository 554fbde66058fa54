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
        pytest.param("GET", "/", 404, "<H1>Not Found</H1>", id="elsewhere"),
        pytest.param("POST", "/v2/models/m:predict", 404, "<TITLE>404 Not Found</TITLE>", id="another-api"),
        pytest.param("GET", "/v1/models/a%2Fb", 404, "any versions of model a/b", id="slash-in-name"),
        pytest.param("GET", f"{URL}:predict", 400, "Malformed request: GET", id="method"),
        pytest.param("PUT", URL, 400, "Malformed request: PUT", id="put"),
        pytest.param("GET", f"{URL}/versions/{2**63}", 400, "to numeric", id="number"),
        pytest.param("GET", METRICS_PATH, 200, "# TYPE :tensorflow:serving:request_count", id="metrics"),
    ],
)
def test_paths(application: RestInterface, method: str, path: str, status: int, told: str) -> None:
    found = ask(application, method, path)
    assert (found.status_code, told in found.text) == (status, True), found.text


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        # http_rest_api_util.cc, http_rest_api_handler.cc: in this order, whatever else is wrong
        pytest.param("/v1/models/m:run", "", 400, "Malformed request: POST /v1/models/m:run", id="verb"),
        pytest.param(
            "/v1/models/m:predict", "{}", 404, "Servable not found for request: Latest(m)", id="model"
        ),
        pytest.param(
            f"{URL}/versions/7:predict",
            "{}",
            404,
            "Servable not found for request: Specific(my model, 7)",
            id="version",
        ),
        pytest.param(
            f"{URL}/labels/a:predict", "{}", 400, "Unrecognized servable version label: a", id="label"
        ),
        pytest.param(f"{URL}:predict", "", 400, "JSON Parse error: The document is empty", id="no-body"),
        pytest.param(
            f"{URL}:predict", '{"inputs": 1 ', 400,
            "JSON Parse error: Missing a comma or } after an object member. at offset: 13", id="cut",
        ),
        pytest.param(f"{URL}:predict", "1", 400, "JSON Value: 1 Is not object", id="no-object"),
        pytest.param(
            f"{URL}:predict", '{"signature_name": 1}', 400,
            'JSON Value: {\n    "signature_name": 1\n} not formatted correctly. \'signature_name\' key must '
            "be a string value.", id="signature-type",
        ),
        pytest.param(
            f"{URL}:predict", '{"signature_name": "no"}', 400,
            'Serving signature name: "no" not found in signature def', id="signature",
        ),
        # FillPredictRequestFromJson in json_tensor.cc
        pytest.param(f"{URL}:predict", "{}", 400, "Missing 'inputs' or 'instances' key", id="no-key"),
        pytest.param(
            f"{URL}:predict", '{"inputs": 1, "instances": 1}', 400,
            'JSON Value: {\n    "inputs": 1,\n    "instances": 1\n} Not formatted correctly expecting only '
            "one of 'inputs' or 'instances' keys to exist ", id="two-keys",
        ),
        pytest.param(
            f"{URL}:predict", '{"instances": 1}', 400,
            "JSON Value: {\n    \"instances\": 1\n} Excepting 'instances' to be an list/array", id="no-list",
        ),
        pytest.param(
            f"{URL}:predict", '{"instances": []}', 400,
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array", id="no-rows",
        ),
        pytest.param(
            f"{URL}:predict", '{"signature_name": "both", "instances": [1]}', 400,
            "instances is a plain list, but expecting list of objects as multiple input tensors required as "
            "per tensorinfo_map", id="plain-rows",
        ),
        pytest.param(
            f"{URL}:predict", '{"signature_name": "both", "inputs": [1]}', 400,
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as "
            "per tensorinfo_map", id="plain-column",
        ),
        pytest.param(
            f"{URL}:predict", '{"signature_name": "both", "inputs": {"n": [1]}}', 400,
            "Missing named input: text in 'inputs' object.", id="missing-input",
        ),
        pytest.param(
            f"{URL}:predict", '{"inputs": ["a"]}', 400,
            'JSON Value: "a" Type: String is not of expected type: float', id="column-type",
        ),
        pytest.param(
            f"{URL}:predict", '{"instances": [1, "a"]}', 400,
            "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: \"a\" "
            "Type: String is not of expected type: float", id="row-type",
        ),
        # FillClassifyRegressRequestFromJson in json_tensor.cc
        pytest.param(
            f"{URL}:classify", "{}", 400,
            "JSON Value: {} When method is classify, key 'examples' is expected and was not found",
            id="examples",
        ),
        pytest.param(
            f"{URL}:regress", '{"examples": []}', 400,
            "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array", id="no-examples",
        ),
        pytest.param(
            f"{URL}:regress", '{"examples": [1]}', 400, "Example must be JSON object but got JSON Number",
            id="no-example",
        ),
        pytest.param(
            f"{URL}:regress", '{"examples": [{"x": [[1]]}]}', 400,
            "Feature: x has element with unexpected JSON type: Array", id="nested-feature",
        ),
    ],
)  # fmt: skip
def test_refusals_in_tensorflow_serving_s_words(
    application: RestInterface, path: str, body: str, status: int, told: str
) -> None:
    """Statuses and texts are those of TensorFlow Serving's sources (tensorflow_serving/, 2.16), whole."""
    found = ask(application, "POST", path, content=body)
    assert (found.status_code, found.json()) == (status, {"error": told})
    assert found.headers["content-type"] == "application/json"


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
