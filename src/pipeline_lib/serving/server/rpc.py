"""TensorFlow Serving's gRPC interface over a model manager."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from pipeline_lib.serving.server import inference
from pipeline_lib.serving.server.answering import Answering, Call
from pipeline_lib.serving.server.configs import read_configs
from pipeline_lib.serving.server.json_faults import type_name
from pipeline_lib.serving.server.refusals import Refusal, Status, invalid
from pipeline_lib.serving.server.servable import DEFAULT_SIGNATURE, Servable
from pipeline_lib.serving.server.tensors import to_arrays, to_proto
from pipeline_lib.serving.server.tls import ServerTls


class _Service:
    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    @contextmanager
    def _answered(self, context: Any, *, model: str, api: str) -> Iterator[Call]:
        call, failed = Call(), None
        try:
            yield call
        except Refusal as refusal:
            failed = refusal
        except Exception as error:  # noqa: BLE001 -- gRPC would tell of it as UNKNOWN, and count nothing
            failed = Refusal(Status.INTERNAL, f"{type(error).__name__}: {error}")
        self._answering.count(
            model, call, status=failed.status if failed else None, api=api, entrypoint="GRPC"
        )
        if failed is not None:
            context.abort(getattr(grpc.StatusCode, failed.status.name), failed.message)

    def _found(self, call: Call, request: Any) -> Servable:
        call.version, servable = self._answering.manager.find(*_asked(request))
        return servable


class PredictionService(_Service, prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
    """Predict, Classify, Regress, MultiInference and GetModelMetadata."""

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run a signature of a model."""
        response = predict_pb2.PredictResponse()
        with self._answered(context, model=request.model_spec.name, api="predict") as call:
            servable = self._found(call, request)
            name = request.model_spec.signature_name or DEFAULT_SIGNATURE
            if name not in servable.signatures:
                raise Refusal(Status.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
            _require_types(request, servable.signatures[name])
            inputs, wanted = to_arrays(request.inputs), list(request.output_filter)
            outputs = call.timed(servable.predict, name, inputs, wanted)
            for alias, array in outputs.items():
                response.outputs[alias].CopyFrom(to_proto(array))
            _tell(response.model_spec, request.model_spec.name, call.version, name)
        return response

    def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Classes of examples."""
        response = classification_pb2.ClassificationResponse()
        with self._answered(context, model=request.model_spec.name, api="classify") as call:
            servable, name = self._found(call, request), request.model_spec.signature_name
            examples = inference.examples_of(request.input)
            _write(response.result, call.timed(servable.classify, name, examples))
            _tell(response.model_spec, request.model_spec.name, call.version, name or DEFAULT_SIGNATURE)
            self._answering.metrics.examples(request.model_spec.name, len(examples))
        return response

    def Regress(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Values of examples."""
        response = regression_pb2.RegressionResponse()
        with self._answered(context, model=request.model_spec.name, api="regress") as call:
            servable, name = self._found(call, request), request.model_spec.signature_name
            examples = inference.examples_of(request.input)
            _write(response.result, call.timed(servable.regress, name, examples))
            _tell(response.model_spec, request.model_spec.name, call.version, name or DEFAULT_SIGNATURE)
            self._answering.metrics.examples(request.model_spec.name, len(examples))
        return response

    def MultiInference(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Several classifications and regressions of the same examples."""
        response = inference_pb2.MultiInferenceResponse()
        model = request.tasks[0].model_spec.name if request.tasks else ""
        with self._answered(context, model=model, api="multi_inference") as call:
            if not request.tasks:
                raise invalid("Inference request must not be empty")
            if any(task.model_spec.name != model for task in request.tasks):
                raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
            servable = self._found(call, request.tasks[0])
            examples = inference.examples_of(request.input)
            tasks = [(task.model_spec.signature_name, task.method_name) for task in request.tasks]
            answers = call.timed(servable.infer, tasks, examples)
            for task, found in zip(request.tasks, answers, strict=True):
                told = response.results.add()
                _tell(
                    told.model_spec, model, call.version, task.model_spec.signature_name or DEFAULT_SIGNATURE
                )
                classify = task.method_name == inference.CLASSIFY
                _write(told.classification_result if classify else told.regression_result, found)
            self._answering.metrics.examples(model, len(examples))
        return response

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the signatures of a model."""
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._answered(context, model=request.model_spec.name, api="get_model_metadata") as call:
            if not request.HasField("model_spec"):
                raise invalid("Missing ModelSpec")
            if not request.metadata_field:
                raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
            for field in request.metadata_field:
                if field != "signature_def":
                    raise invalid(f"Metadata field {field} is not supported")
            servable = self._found(call, request)
            signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)
            response.metadata["signature_def"].Pack(signatures)
            _tell(response.model_spec, request.model_spec.name, call.version, "")
        return response


class ModelService(_Service, model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc]
    """States of versions, and the configuration."""

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the states of a model's versions."""
        response = get_model_status_pb2.GetModelStatusResponse()
        with self._answered(context, model=request.model_spec.name, api="get_model_status"):
            for one in self._answering.manager.status(*_asked(request)):
                told = response.model_version_status.add(version=one.version, state=int(one.state))
                told.status.error_code = Status[one.error_code].number if one.error_code != "OK" else 0
                told.status.error_message = one.error_message
        return response

    def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Replace the configuration, and answer once its models are loaded."""
        response = model_management_pb2.ReloadConfigResponse()
        with self._answered(context, model="", api="reload_config"):
            try:
                if request.config.WhichOneof("config") is not None:  # else no action, as there
                    self._answering.manager.reload(read_configs(request.config))
            except Refusal as refusal:  # the call itself is OK, as TensorFlow Serving has it
                response.status.error_code = refusal.status.number
                response.status.error_message = refusal.message
        return response


def grpc_server(
    answering: Answering, threads: Executor, *, address: str, max_bytes: int, tls: ServerTls | None = None
) -> tuple[Any, int]:
    """A server that has not started yet, and its port (0 if it is taken).

    Args:
        answering: The models, and who counts.
        threads: Run the requests.
        address: `host:port`; port 0 takes a free one.
        max_bytes: Of a request; a longer one is RESOURCE_EXHAUSTED.
        tls: None listens without.
    """
    server = grpc.server(
        threads,
        options=[
            ("grpc.max_receive_message_length", max_bytes),
            ("grpc.max_send_message_length", -1),
            # Two servers on one port would share requests without anybody noticing.
            ("grpc.so_reuseport", 0),
        ],
    )
    register: Callable[..., None] = prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server
    register(PredictionService(answering), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(answering), server)
    try:
        if tls is not None:
            return server, server.add_secure_port(address, tls.for_grpc())
        return server, server.add_insecure_port(address)
    except RuntimeError:
        return server, 0


def _asked(request: Any) -> tuple[str, int | None, str | None]:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
    return spec.name, version, spec.version_label or None


def _tell(spec: Any, name: str, version: int | None, signature: str) -> None:
    spec.name, spec.signature_name = name, signature
    if version is not None:
        spec.version.value = version


def _write(result: Any, found: Any) -> None:
    if isinstance(result, regression_pb2.RegressionResult):
        for value in found:
            result.regressions.add(value=value)
        return
    for row in found:
        classes = result.classifications.add().classes
        for label, score in row:
            classes.add(label=label, score=score)


def _require_types(request: Any, signature: Any) -> None:
    # The session tells of feeds by their place among all, sorted by the tensors' names.
    feeds = sorted((info.name, alias) for alias, info in signature.inputs.items())
    for number, (_, alias) in enumerate(feeds):
        if alias in request.inputs and request.inputs[alias].dtype != signature.inputs[alias].dtype:
            raise invalid(
                f"Expects arg[{number}] to be {_type(signature.inputs[alias].dtype)} but "
                f"{_type(request.inputs[alias].dtype)} is provided"
            )


def _type(number: int) -> str:
    return type_name(tf.dtypes.as_dtype(number)) if number else "invalid"
