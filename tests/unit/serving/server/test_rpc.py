"""The gRPC interface through real channels, without a process of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from integration.model_servers import export
from pipeline_lib.serving.server.answering import Answering
from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.rpc import grpc_server
from pipeline_lib.serving.server.servable import Servable
from pipeline_lib.serving.server.sources import Sources
from pipeline_lib.serving.versions import ModelConfig

pytestmark = pytest.mark.xdist_group("model_server")

LIMIT = 100_000


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    root = tmp_path_factory.mktemp("rpc")
    export(root / "scale/1", 2.0)
    manager = ModelManager(
        Servable.load, [ModelConfig(name="scale", base_path=str(root / "scale"))], source=Sources(root)
    )
    manager.poll()
    with ThreadPoolExecutor(2) as threads:
        answering = Answering(manager, Metrics())
        server, port = grpc_server(answering, threads, address="127.0.0.1:0", max_bytes=LIMIT)
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as made:
            yield made
        server.stop(None).wait()


def predict(spec: str, /, **inputs: Any) -> Any:
    request = text_format.Parse(spec, predict_pb2.PredictRequest())
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def refused(ask: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError, match="") as failed:
        ask()
    return failed.value.code().name, failed.value.details()


SCALE = 'model_spec { name: "scale" }'


@pytest.mark.parametrize(
    ("request_", "code", "details"),
    [
        # predict_impl.cc, server_core.cc
        pytest.param(predict(""), "INVALID_ARGUMENT", "Missing ModelSpec", id="no-spec"),
        pytest.param(
            predict("model_spec {}"), "INVALID_ARGUMENT", "ModelSpec has no name specified.", id="no-name"
        ),
        pytest.param(
            predict('model_spec { name: "m" }'), "NOT_FOUND", "Servable not found for request: Latest(m)",
            id="model",
        ),
        pytest.param(
            predict('model_spec { name: "scale" version { value: 3 } }'), "NOT_FOUND",
            "Servable not found for request: Specific(scale, 3)", id="version",
        ),
        pytest.param(
            predict('model_spec { name: "scale" version_label: "a" }'), "INVALID_ARGUMENT",
            "Unrecognized servable version label: a", id="label",
        ),
        # predict_util.cc
        pytest.param(
            predict('model_spec { name: "scale" signature_name: "no" }'), "FAILED_PRECONDITION",
            'Serving signature key "no" not found.', id="signature",
        ),
        pytest.param(
            predict(SCALE), "INVALID_ARGUMENT",
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but "
            "required: {x}.", id="no-inputs",
        ),
        pytest.param(
            predict(f'{SCALE} output_filter: "z"', x=[1.0]), "INVALID_ARGUMENT",
            "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
            id="output",
        ),
        # direct_session.cc; tensorflow/serving issue 927
        pytest.param(
            predict(SCALE, x=["a"]), "INVALID_ARGUMENT", "Expects arg[0] to be float but string is provided",
            id="type",
        ),
        pytest.param(
            predict('model_spec { name: "scale" signature_name: "both" }', n=[1.0], text=["a"]),
            "INVALID_ARGUMENT", "Expects arg[0] to be int64 but float is provided", id="type-of-two",
        ),
    ],
)  # fmt: skip
def test_predictions_are_refused_in_tensorflow_serving_s_words(
    channel: grpc.Channel, request_: Any, code: str, details: str
) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    assert refused(lambda: stub.Predict(request_, timeout=60)) == (code, details)


def test_metadata_status_and_inference_are_refused_in_them_too(channel: grpc.Channel) -> None:
    predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    metadata = get_model_metadata_pb2.GetModelMetadataRequest()
    ask = predictions.GetModelMetadata
    assert refused(lambda: ask(metadata)) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    metadata.model_spec.name = "scale"
    told = "GetModelMetadataRequest must specify at least one metadata_field"
    assert refused(lambda: ask(metadata)) == ("INVALID_ARGUMENT", told)
    metadata.metadata_field.append("graph")
    assert refused(lambda: ask(metadata)) == ("INVALID_ARGUMENT", "Metadata field graph is not supported")
    status = get_model_status_pb2.GetModelStatusRequest()
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    assert refused(lambda: models.GetModelStatus(status)) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    status.model_spec.name = "m"
    told = "Could not find any versions of model m"
    assert refused(lambda: models.GetModelStatus(status)) == ("NOT_FOUND", told)
    status.model_spec.name, status.model_spec.version.value = "scale", 5
    told = "Could not find version 5 of model scale"
    assert refused(lambda: models.GetModelStatus(status)) == ("NOT_FOUND", told)
    inference = inference_pb2.MultiInferenceRequest()
    told = "Inference request must not be empty"
    assert refused(lambda: predictions.MultiInference(inference)) == ("INVALID_ARGUMENT", told)


def test_a_request_that_is_too_long(channel: grpc.Channel) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    code, details = refused(lambda: stub.Predict(predict(SCALE, x=[1.0] * LIMIT), timeout=60))
    assert code == "RESOURCE_EXHAUSTED"
    assert "larger than max" in details


def test_reloads_say_inside_of_their_answer_what_is_wrong(channel: grpc.Channel) -> None:
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "scale"

    def reload(text: str) -> tuple[int, str]:
        request = text_format.Parse(text, model_management_pb2.ReloadConfigRequest())
        told = models.HandleReloadConfigRequest(request, timeout=60).status
        return told.error_code, told.error_message

    assert reload("") == (0, "")  # no configuration: no action
    assert models.GetModelStatus(status).model_version_status[0].state == 30
    assert reload("config { custom_model_config {} }") == (12, "custom_model_config is not supported.")
    code, told = reload('config { model_config_list { config { name: "m" base_path: "/m" } } }')
    assert (code, told[:23]) == (3, "Illegal setting neither")
    assert models.GetModelStatus(status).model_version_status[0].state == 30
    assert reload("config { model_config_list {} }") == (0, "")  # no models: all go
    assert refused(lambda: models.GetModelStatus(status))[0] == "NOT_FOUND"


def test_a_port_that_is_taken(channel: grpc.Channel, tmp_path: Path) -> None:
    answering = Answering(ModelManager(Servable.load, [], source=Sources(tmp_path)), Metrics())
    with ThreadPoolExecutor(1) as threads:
        first, port = grpc_server(answering, threads, address="127.0.0.1:0", max_bytes=LIMIT)
        first.start()
        assert grpc_server(answering, threads, address=f"127.0.0.1:{port}", max_bytes=LIMIT)[1] == 0
        first.stop(None).wait()
