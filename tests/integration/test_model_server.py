"""The local model server as a process, asked as TensorFlow Serving is."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pipeline_lib.errors import ModelNotServedError, ServerUnreachableError, ServingRefusedError
from pipeline_lib.serving.versions import Latest, ModelConfig, Specific, VersionState


@dataclass(frozen=True)
class Server:
    rest: str
    grpc: str
    base: Path
    exports: Path

    def put(self, version: int, export: str) -> None:
        """As a push does: under a hidden name, then a rename."""
        incoming = self.base / f".incoming-{version}"
        shutil.copytree(self.exports / export, incoming)
        incoming.rename(self.base / str(version))


def export(directory: Path, factor: float) -> None:
    import tensorflow as tf

    class Scale(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(factor, dtype=tf.float32)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def scale(self, x):
            return {"y": self.factor * x}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.int64, name="n"),
                tf.TensorSpec([None], tf.string, name="text"),
            ]
        )
        def both(self, n, text):
            return {"n": n + 1, "text": text, "text_bytes": text}

    model = Scale()
    tf.saved_model.save(model, str(directory), {"serving_default": model.scale, "both": model.both})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("serving")
    for factor in (2.0, 3.0):
        export(root / "exports" / f"times{factor:.0f}", factor)
    (root / "models" / "scale").mkdir(parents=True)
    shutil.copytree(root / "exports/times2", root / "models/scale/1")
    command = [
        sys.executable, "-c", "from pipeline_lib.cli import app; app()", "serve", "--base-path",
        str(root / "models"), "--rest-port", "0", "--grpc-port", "0", "--poll-seconds", "0.1", "--json",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}") and (line := process.stdout.readline()):
            text += line
        told = json.loads(text)
        yield Server(told["rest"], told["grpc"], root / "models/scale", root / "exports")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


@pytest.fixture
def client(server: Server) -> Iterator["GrpcClient"]:  # noqa: F821
    from pipeline_lib.serving.client import GrpcClient

    with GrpcClient(server.grpc) as made:
        yield made


def test_status_over_rest(server: Server) -> None:
    response = httpx.get(f"{server.rest}/v1/models/scale")
    assert response.status_code == 200
    assert response.json() == {
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        pytest.param("scale", {"instances": [1.0, 2]}, {"predictions": [2.0, 4.0]}, id="rows"),
        pytest.param("scale", {"inputs": [0.1]}, {"outputs": [0.2]}, id="column"),
        pytest.param("scale", {"inputs": {"x": [1]}}, {"outputs": [2.0]}, id="named-column"),
        pytest.param("scale/versions/1", {"instances": [{"x": 1}]}, {"predictions": [2.0]}, id="version"),
        pytest.param(
            "scale",
            {"signature_name": "both", "instances": [{"n": 1, "text": {"b64": "YQ=="}}]},
            {"predictions": [{"n": 2, "text": "a", "text_bytes": {"b64": "YQ=="}}]},
            id="signature-and-bytes",
        ),
    ],
)
def test_predict_over_rest(server: Server, path: str, body: object, answer: object) -> None:
    response = httpx.post(f"{server.rest}/v1/models/{path}:predict", json=body)
    assert (response.status_code, response.json()) == (200, answer)


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        pytest.param("other:predict", '{"instances": [1]}', 404, "Servable not found", id="model"),
        pytest.param("scale/versions/9:predict", '{"instances": [1]}', 404, "Specific", id="version"),
        pytest.param(
            "scale/labels/no:predict", '{"instances": [1]}', 400, "Unrecognized servable", id="label"
        ),
        pytest.param("scale:predict", '{"instances": [1', 400, "JSON Parse error", id="malformed"),
        pytest.param("scale:predict", "", 400, "JSON Parse error", id="empty"),
        pytest.param("scale:predict", '{"rows": [1]}', 400, "Missing 'inputs'", id="no-rows"),
        pytest.param("scale:predict", '{"instances": ["a"]}', 400, "expected type", id="type"),
        pytest.param("scale:predict", '{"instances": [[1], [1, 2]]}', 400, "unexpected size", id="ragged"),
        pytest.param(
            "scale:predict", '{"inputs": [1], "signature_name": "no"}', 400, "signature def", id="signature"
        ),
        pytest.param("scale:classify", "{}", 501, "predict only", id="classify"),
    ],
)
def test_bad_requests(server: Server, path: str, body: str, status: int, message: str) -> None:
    response = httpx.post(f"{server.rest}/v1/models/{path}", content=body)
    assert response.status_code == status
    assert message in response.json()["error"]


def test_metadata_and_metrics(server: Server, client: "GrpcClient") -> None:  # noqa: F821
    told = httpx.get(f"{server.rest}/v1/models/scale/metadata").json()
    assert told["model_spec"] == {"name": "scale", "signature_name": "", "version": "1"}
    signatures = told["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert set(client.signatures("scale")) == {"serving_default", "both"} == set(signatures)
    text = httpx.get(f"{server.rest}/monitoring/prometheus/metrics").text
    assert ":tensorflow:cc:saved_model:load_attempt_count{" in text


def test_grpc(client: "GrpcClient") -> None:  # noqa: F821
    import numpy as np

    assert client.predict("scale", {"x": np.array([1, 2], np.float32)})["y"].tolist() == [2.0, 4.0]
    (one,) = client.status("scale")
    assert (one.version, one.state) == (1, VersionState.AVAILABLE)
    with pytest.raises(ModelNotServedError, match="Could not find any versions of model other"):
        client.status("other")
    with pytest.raises(ServingRefusedError, match=r"Missing but required: \{x\}"):
        client.predict("scale", {"z": np.array([1], np.float32)})
    with pytest.raises(ServingRefusedError, match="float32 but string is provided"):
        client.predict("scale", {"x": ["a"]})


def test_no_server() -> None:
    from pipeline_lib.serving.client import GrpcClient

    with GrpcClient("127.0.0.1:1", timeout_seconds=0.5, tries=2) as client:
        with pytest.raises(ServerUnreachableError, match="does not answer"):
            client.status("scale")


def test_versions_change_without_a_failed_request(server: Server, client: "GrpcClient") -> None:  # noqa: F821
    answers: list[tuple[int, object]] = []
    ended = threading.Event()

    def ask() -> None:
        with httpx.Client() as http:
            while not ended.is_set():
                response = http.post(f"{server.rest}/v1/models/scale:predict", json={"instances": [1.0]})
                answers.append((response.status_code, response.json().get("predictions")))

    thread = threading.Thread(target=ask)
    thread.start()
    began = time.monotonic()
    try:
        server.put(2, "times3")
        available = client.wait_until_available("scale", 2, timeout_seconds=20)
        shutil.copytree(server.exports / "times2", server.base / ".incoming-3")
        broken = server.base / ".incoming-3" / "saved_model.pb"
        broken.write_bytes(broken.read_bytes()[:100])
        (server.base / ".incoming-3").rename(server.base / "3")
        deadline = time.monotonic() + 20
        while client.status("scale")[0].state is not VersionState.END and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
    finally:
        ended.set()
        thread.join()
    took = time.monotonic() - began
    print(f"available after {available:.2f} s; {len(answers) / took:.0f} requests/s by one client")
    assert {status for status, _ in answers} == {200}
    assert answers[-1] == (200, [3.0])
    (third, second, *_) = client.status("scale")
    assert (third.version, third.state, third.error_code) == (3, VersionState.END, "INTERNAL")
    assert (second.version, second.state) == (2, VersionState.AVAILABLE)

    both = ModelConfig(name="scale", base_path=str(server.base), policy=Specific((1, 2)))
    client.reload([both])
    client.reload([ModelConfig(**{**fields(both), "labels": {"stable": 1}})])
    url = f"{server.rest}/v1/models/scale/labels/stable:predict"
    assert httpx.post(url, json={"instances": [1.0]}).json() == {"predictions": [2.0]}
    with pytest.raises(ServingRefusedError, match="not currently available for inference"):
        client.reload([ModelConfig(**{**fields(both), "labels": {"stable": 7}})])
    client.reload([ModelConfig(name="scale", base_path=str(server.base), policy=Latest(2))])


def fields(config: ModelConfig) -> dict[str, object]:
    return {"name": config.name, "base_path": config.base_path, "policy": config.policy}
