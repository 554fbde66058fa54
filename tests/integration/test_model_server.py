"""The local model server as a process, asked as TensorFlow Serving is."""

import gzip
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from integration.model_servers import Server, export, export_examples, serving
from pipeline_lib.errors import ModelNotServedError, ServerUnreachableError, ServingRefusedError
from pipeline_lib.serving.versions import Latest, ModelConfig, Specific, VersionState
from waiting import wait_until

pytestmark = pytest.mark.xdist_group("model_server")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("serving")
    for factor in (2.0, 3.0):
        export(root / "exports" / f"times{factor:.0f}", factor)
    export(root / "exports/nan", float("nan"))
    (root / "models" / "scale").mkdir(parents=True)
    shutil.copytree(root / "exports/times2", root / "models/scale/1")
    export_examples(root / "models/examples/1")
    with serving(root, "--base-path", str(root / "models"), "--max-request-mb", "16") as made:
        yield made


@pytest.fixture
def client(server: Server) -> Iterator["GrpcClient"]:  # noqa: F821
    from pipeline_lib.serving.clients.rpc import GrpcClient

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
        pytest.param(
            "scale:predict", '{"instances": [[1], [1, 2]]}', 400, "tensor size: 1 but got: 2", id="ragged"
        ),
        pytest.param(
            "scale:predict", '{"inputs": [1], "signature_name": "no"}', 400, "signature def", id="signature"
        ),
        pytest.param("scale:classify", "{}", 400, "key 'examples' is expected", id="classify"),
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
    assert set(client.signatures("scale")) == {"serving_default", "both", "slow"} == set(signatures)
    text = httpx.get(f"{server.rest}/monitoring/prometheus/metrics").text
    assert ":tensorflow:cc:saved_model:load_attempt_count{" in text


def test_grpc(client: "GrpcClient") -> None:  # noqa: F821
    assert client.predict("scale", {"x": np.array([1, 2], np.float32)})["y"].tolist() == [2.0, 4.0]
    long = client.predict("scale", {"x": np.full(2_600_000, 0.5, np.float32)})["y"]  # more than 10 MB
    assert (len(long), set(long.tolist())) == (2_600_000, {1.0})
    (one,) = client.status("scale")
    assert (one.version, one.state) == (1, VersionState.AVAILABLE)
    with pytest.raises(ModelNotServedError, match="Could not find any versions of model other"):
        client.status("other")
    with pytest.raises(
        ServingRefusedError, match=r"Signature input alias: x\(feed name: serving_default_x:0\) not found"
    ):
        client.predict("scale", {"z": np.array([1], np.float32)})
    with pytest.raises(ServingRefusedError, match=r"Expects arg\[0\] to be float but string is provided"):
        client.predict("scale", {"x": ["a"]})


def test_grpc_answers_in_typed_fields(server: Server) -> None:
    """Clients read `float_val`; nothing of TensorFlow is needed for that."""
    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "scale"
    request.inputs["x"].dtype = 1
    request.inputs["x"].float_val.extend([1.0, 2.5])
    request.inputs["x"].tensor_shape.dim.add(size=2)
    with grpc.insecure_channel(server.grpc) as channel:
        response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
    assert list(response.outputs["y"].float_val) == [2.0, 5.0]
    assert (response.model_spec.version.value, response.model_spec.signature_name) == (1, "serving_default")


def test_classify_and_regress(server: Server) -> None:
    url = f"{server.rest}/v1/models/examples"
    body = {"examples": [{"x": 0.25}, {"x": [1.0]}]}
    assert httpx.post(f"{url}:classify", json=body).json() == {
        "results": [[["no", 0.75], ["yes", 0.25]], [["no", 0.0], ["yes", 1.0]]]
    }
    body = {"signature_name": "regress", "context": {"x": 0.5}, "examples": [{}, {"x": 0.1}]}
    assert httpx.post(f"{url}/versions/1:regress", json=body).json() == {"results": [5.0, 1.0]}
    refused = httpx.post(f"{url}:regress", json={"examples": [{"x": 1.0}]})
    assert refused.status_code == 400
    assert "Expected regression signature method_name to be tensorflow/serving/regress" in refused.text
    refused = httpx.post(f"{url}:classify", json={"examples": [{"x": [1.0, "a"]}]})
    assert "Unexpected element type in feature: x expecting type: float" in refused.json()["error"]


def test_classify_regress_and_multi_inference_over_grpc(server: Server) -> None:
    import grpc
    from tensorflow_serving.apis import (
        classification_pb2,
        inference_pb2,
        prediction_service_pb2_grpc,
        regression_pb2,
    )

    classify, regress = classification_pb2.ClassificationRequest(), regression_pb2.RegressionRequest()
    both = inference_pb2.MultiInferenceRequest()
    for request in (classify, regress, both):
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(0.25)
    classify.model_spec.name = regress.model_spec.name = "examples"
    regress.model_spec.signature_name = "regress"
    for signature, method in (("", "classify"), ("regress", "regress")):
        task = both.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = "examples", signature
    with grpc.insecure_channel(server.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        (row,) = stub.Classify(classify, timeout=60).result.classifications
        assert [(one.label, one.score) for one in row.classes] == [("no", 0.75), ("yes", 0.25)]
        assert [one.value for one in stub.Regress(regress, timeout=60).result.regressions] == [2.5]
        with pytest.raises(grpc.RpcError, match="Input tensor must be the same for all Signatures"):
            stub.MultiInference(both, timeout=60)
        del both.tasks[0]
        (one,) = stub.MultiInference(both, timeout=60).results
        assert [value.value for value in one.regression_result.regressions] == [2.5]


def test_large_packed_and_malformed_bodies(server: Server) -> None:
    url = f"{server.rest}/v1/models/scale:predict"
    rows = [0.5] * 2_500_000
    body = json.dumps({"inputs": rows}).encode()
    assert 10e6 < len(body) < 16e6
    found = httpx.post(url, content=body, timeout=60)
    assert found.status_code == 200
    assert found.headers["content-encoding"] == "gzip"
    assert found.json()["outputs"] == [1.0] * len(rows)
    packed = gzip.compress(b'{"instances": [1.0]}')
    headers = {"content-encoding": "gzip"}
    assert httpx.post(url, content=packed, headers=headers).json() == {"predictions": [2.0]}
    assert httpx.post(url, content=packed[:-9], headers=headers).status_code == 400
    bomb = gzip.compress(b" " * (17 << 20))
    assert httpx.post(url, content=bomb, headers=headers).status_code == 413
    assert httpx.post(url, content=b" " * (17 << 20)).status_code == 413
    assert httpx.post(url, content=b'{"instances": ' + b"[" * 100_000).status_code == 400
    assert httpx.post(url, content=b'{"instances": [NaN, 1]}').text == '{"predictions": [NaN, 2.0]}'
    assert httpx.request("DELETE", f"{server.rest}/v1/models/scale").status_code == 400


def test_no_server() -> None:
    from pipeline_lib.serving.clients.rpc import GrpcClient

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
        available = client.wait_until_available("scale", 2, timeout_seconds=60)
        shutil.copytree(server.exports / "times2", server.base / ".incoming-3")
        broken = server.base / ".incoming-3" / "saved_model.pb"
        broken.write_bytes(broken.read_bytes()[:100])
        (server.base / ".incoming-3").rename(server.base / "3")
        wait_until(lambda: client.status("scale")[0].state is VersionState.END)
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


def wait_for_version(server: Server, version: int, state: str) -> None:
    def is_so() -> bool:
        states = httpx.get(f"{server.rest}/v1/models/scale").json()["model_version_status"]
        return (str(version), state) in [(one["version"], one["state"]) for one in states]

    wait_until(is_so)


def test_a_flipped_bit_in_the_weights_reaches_nobody(server: Server) -> None:
    shutil.copytree(server.exports / "times3", server.base / ".incoming-4")
    (weights,) = (server.base / ".incoming-4/variables").glob("variables.data-*")
    content = bytearray(weights.read_bytes())
    content[2] ^= 1  # of the first tensor, whose checksum is in the index
    weights.write_bytes(content)
    (server.base / ".incoming-4").rename(server.base / "4")
    wait_for_version(server, 4, "END")
    url = f"{server.rest}/v1/models/scale"
    (fourth, *_) = httpx.get(url).json()["model_version_status"]
    assert fourth["status"]["error_code"] == "INTERNAL"
    assert httpx.post(f"{url}:predict", json={"instances": [1.0]}).status_code == 200
    shutil.rmtree(server.base / "4")


def test_ten_thousand_requests_while_versions_come_and_go(server: Server, client: "GrpcClient") -> None:  # noqa: F821
    url = f"{server.rest}/v1/models/scale:predict"
    done = threading.Event()

    def ask(count: int) -> set[tuple[int, str]]:
        with httpx.Client() as http:
            return {
                (found.status_code, found.text)
                for found in (http.post(url, json={"instances": [1.0]}) for _ in range(count))
            }

    def swap() -> int:
        version = 100
        while not done.is_set():
            version += 1
            server.put(version, "times2" if version % 2 else "times3")
            client.wait_until_available("scale", version, timeout_seconds=60)
            shutil.rmtree(server.base / str(version - 1), ignore_errors=True)
        return version - 100

    client.reload([ModelConfig(name="scale", base_path=str(server.base), policy=Latest(1))])
    with ThreadPoolExecutor(5) as pool:
        swaps = pool.submit(swap)
        answers = set().union(*pool.map(ask, [2500] * 4))
        done.set()
    assert {status for status, _ in answers} == {200}
    assert swaps.result() >= 5, "too few swaps to show anything"
    print(f"{swaps.result()} swaps under 10 000 requests")


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reads a configuration file and runs requests in batches."""
    root = tmp_path_factory.mktemp("configured")
    export(root / "exports/times2", 2.0)
    for version in (1, 2, 3):
        shutil.copytree(root / "exports/times2", root / f"models/scale/{version}")
    write_config(root / "models.conf", root, "specific { versions: 1 versions: 2 }", stable=1)
    (root / "batching.conf").write_text(
        "max_batch_size { value: 4 } batch_timeout_micros { value: 200000 } "
        "allowed_batch_sizes: 2 allowed_batch_sizes: 4"
    )
    options = ["--model-config-file", str(root / "models.conf"), "--config-poll-seconds", "0.1"]
    with serving(root, *options, "--batching-parameters-file", str(root / "batching.conf")) as made:
        yield made


def write_config(file: Path, root: Path, policy: str, **labels: int) -> None:
    told = " ".join(
        f'version_labels {{ key: "{label}" value: {version} }}' for label, version in labels.items()
    )
    file.write_text(
        f'model_config_list {{ config {{ name: "scale" base_path: "{root / "models/scale"}" '
        f'model_platform: "tensorflow" model_version_policy {{ {policy} }} {told} }} }}'
    )


def test_a_configuration_file_is_followed(configured: Server) -> None:
    url = f"{configured.rest}/v1/models/scale"
    states = httpx.get(url).json()["model_version_status"]
    assert [(one["version"], one["state"]) for one in states] == [("2", "AVAILABLE"), ("1", "AVAILABLE")]
    assert httpx.post(f"{url}/labels/stable:predict", json={"instances": [1.0]}).status_code == 200
    root = configured.base.parents[1]
    (root / "models.conf").write_text("this is no configuration")
    write_config(root / "models.conf", root, "all {}", stable=2)
    wait_for_version(configured, 3, "AVAILABLE")
    write_config(root / "models.conf", root, "all {}", stable=3)
    stable = f"{url}/labels/stable"
    wait_until(lambda: httpx.get(stable).json()["model_version_status"][0]["version"] == "3")


def test_requests_are_run_together(configured: Server) -> None:
    url = f"{configured.rest}/v1/models/scale/versions/1:predict"

    def ask(rows: list[float]) -> tuple[int, object]:
        found = httpx.post(url, json={"instances": rows})
        return found.status_code, found.json().get("predictions", found.text)

    with ThreadPoolExecutor(4) as pool:
        started = time.monotonic()
        found = list(pool.map(ask, [[1.0], [2.0], [3.0], [4.0]]))
        assert time.monotonic() - started < 30
        assert found == [(200, [2.0]), (200, [4.0]), (200, [6.0]), (200, [8.0])]
    assert ask([1.0, 2.0, 3.0]) == (200, [2.0, 4.0, 6.0])
    status, text = ask([1.0] * 5)
    assert status == 400
    assert "Task size 5 is larger than maximum input batch size 4" in str(text)
    page = httpx.get(f"{configured.rest}/monitoring/prometheus/metrics").text
    assert ":tensorflow:serving:batching_session:queuing_latency_count{" in page


def test_requests_in_flight_are_answered_at_the_end(tmp_path: Path) -> None:
    export(tmp_path / "models/scale/1", 2.0)
    with serving(tmp_path, "--base-path", str(tmp_path / "models")) as server:
        url = f"{server.rest}/v1/models/scale:predict"
        body = {"signature_name": "slow", "inputs": 100_000}
        started = time.monotonic()
        assert httpx.post(url, json=body, timeout=60).json() == {"outputs": 100_000}
        took = time.monotonic() - started
        body["inputs"] = int(100_000 * 2 / took)  # about two seconds
        from pipeline_lib.serving.clients.rpc import GrpcClient

        with ThreadPoolExecutor(2) as pool, GrpcClient(server.grpc, tries=1, timeout_seconds=60) as client:
            answer = pool.submit(httpx.post, url, json=body, timeout=60)
            count = np.array(body["inputs"], np.int64)
            other = pool.submit(client.predict, "scale", {"n": count}, signature="slow")
            wait_until(lambda: connected(server))
            time.sleep(0.2)
            server.process.terminate()
            assert answer.result().json() == {"outputs": body["inputs"]}
            server.process.terminate()  # asked again, it goes on ending well
            assert other.result()["n"].tolist() == body["inputs"]


def connected(server: Server) -> bool:
    import psutil

    port = int(server.rest.rpartition(":")[2])
    found = psutil.Process(server.process.pid).net_connections()
    return any(one.laddr.port == port and one.status == "ESTABLISHED" for one in found)


def test_the_load_test_of_the_documentation(server: Server, tmp_path: Path) -> None:
    locustfile = Path(__file__).parents[2] / "docs/how-to/locustfile.py"
    command = [
        sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--users", "2", "--spawn-rate",
        "2", "--run-time", "6s", "--host", server.rest, "--json", "--only-summary",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    (total,) = json.loads(done.stdout)
    assert total["num_failures"] == 0
    assert total["num_requests"] > 10
