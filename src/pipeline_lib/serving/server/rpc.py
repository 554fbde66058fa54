"""TensorFlow Serving's gRPC interface over a model manager."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from pipeline_lib.serving.server.configs import read_configs
from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Refusal, Status, invalid
from pipeline_lib.serving.server.servable import DEFAULT_SIGNATURE, Servable


class _Answering:
    def __init__(self, manager: ModelManager[Servable], metrics: Metrics) -> None:
        self._manager = manager
        self._metrics = metrics

    @contextmanager
    def _answering(self, context: Any, *, model: str, api: str) -> Iterator[None]:
        started, status, failed = time.perf_counter(), "OK", None
        try:
            yield
        except Refusal as refusal:
            status, failed = refusal.status.name, refusal
        self._metrics.answered(
            "" if status == Status.NOT_FOUND.name else model,
            status=status,
            api=api,
            entrypoint="GRPC",
            seconds=time.perf_counter() - started,
        )
        if failed is not None:
            context.abort(getattr(grpc.StatusCode, status), failed.message)

    def _found(self, spec: Any) -> tuple[int, Servable]:
        return self._manager.find(*_asked(spec))


class PredictionService(_Answering, prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
    """Predict and GetModelMetadata; what it does not have, it says is not implemented."""

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run a signature of a model."""
        response = predict_pb2.PredictResponse()
        with self._answering(context, model=request.model_spec.name, api="predict"):
            number, servable = self._found(request.model_spec)
            name = request.model_spec.signature_name or DEFAULT_SIGNATURE
            inputs = _inputs(request, servable.signature(name))
            for alias, array in servable.predict(name, inputs, list(request.output_filter)).items():
                response.outputs[alias].CopyFrom(tf.make_tensor_proto(array))
            _tell(response.model_spec, request.model_spec.name, number, name)
        return response

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the signatures of a model."""
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._answering(context, model=request.model_spec.name, api="get_model_metadata"):
            number, servable = self._found(request.model_spec)
            if set(request.metadata_field) != {"signature_def"}:
                raise invalid(
                    "GetModelMetadataRequest must specify at least one metadata_field, signature_def"
                )
            signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)
            response.metadata["signature_def"].Pack(signatures)
            _tell(response.model_spec, request.model_spec.name, number, "")
        return response


class ModelService(_Answering, model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc]
    """States of versions, and the configuration."""

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the states of a model's versions."""
        response = get_model_status_pb2.GetModelStatusResponse()
        with self._answering(context, model=request.model_spec.name, api="get_model_status"):
            for one in self._manager.status(*_asked(request.model_spec)):
                told = response.model_version_status.add(version=one.version, state=int(one.state))
                told.status.error_code = Status[one.error_code].number if one.error_code != "OK" else 0
                told.status.error_message = one.error_message
        return response

    def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Replace the configuration, and answer once its models are loaded."""
        response = model_management_pb2.ReloadConfigResponse()
        with self._answering(context, model="", api="reload_config"):
            self._manager.reload(read_configs(request.config))
        return response


def grpc_server(
    manager: ModelManager[Servable], metrics: Metrics, *, address: str, threads: int
) -> tuple[Any, int]:
    """A server that has not started yet, and its port (0 if it is taken)."""
    server = grpc.server(
        ThreadPoolExecutor(threads, thread_name_prefix="grpc"),
        options=[
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            # Two servers on one port would share requests without anybody noticing.
            ("grpc.so_reuseport", 0),
        ],
    )
    register: Callable[..., None] = prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server
    register(PredictionService(manager, metrics), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(manager, metrics), server)
    try:
        return server, server.add_insecure_port(address)
    except RuntimeError:
        return server, 0


def _asked(spec: Any) -> tuple[str, int | None, str | None]:
    version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
    return spec.name, version, spec.version_label or None


def _tell(spec: Any, name: str, version: int, signature: str) -> None:
    spec.name, spec.signature_name = name, signature
    spec.version.value = version


def _inputs(request: Any, signature: Any) -> dict[str, Any]:
    for alias, tensor in request.inputs.items():
        expected = signature.inputs[alias].dtype if alias in signature.inputs else tensor.dtype
        if tensor.dtype != expected:
            raise invalid(
                f"Expects input {alias} to be {tf.dtypes.as_dtype(expected).name} but "
                f"{tf.dtypes.as_dtype(tensor.dtype).name if tensor.dtype else 'nothing'} is provided"
            )
    try:
        return {alias: tf.make_ndarray(tensor) for alias, tensor in request.inputs.items()}
    except (TypeError, ValueError) as error:
        raise invalid(f"tensor parsing error: {error}") from error
