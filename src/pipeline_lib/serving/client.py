"""A client of TensorFlow Serving, or of the local model server: gRPC and REST."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Self

import grpc
import httpx
import numpy as np
import tensorflow as tf
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from pipeline_lib.errors import (
    ModelNotServedError,
    PipelineError,
    ServerUnreachableError,
    ServingFailedError,
    ServingRefusedError,
)
from pipeline_lib.serving.server.configs import write_configs
from pipeline_lib.serving.versions import ModelConfig, VersionState, VersionStatus

Array = np.ndarray[Any, Any]

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
_REFUSED = {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"}


class GrpcClient:
    """Calls a server's ModelService and PredictionService; close it, or use it in a `with`.

    Args:
        address: `host:port`.
        timeout_seconds: Of one call.
        tries: Of a call that finds no server; a refused call is not repeated.
        credentials: `grpc.ssl_channel_credentials(...)` for TLS; without, the channel is plain.
    """

    def __init__(
        self, address: str, *, timeout_seconds: float = 10.0, tries: int = 3, credentials: Any = None
    ) -> None:
        self._address = address
        self._timeout = timeout_seconds
        self._tries = tries
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel = (
            grpc.secure_channel(address, credentials, options=options)
            if credentials is not None
            else grpc.insecure_channel(address, options=options)
        )
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def status(self, model: str, *, version: int | None = None) -> list[VersionStatus]:
        """States of a model's versions, the newest first.

        Raises:
            ModelNotServedError: There is no such model or version.
            ServerUnreachableError: Nobody answers.
        """
        request = get_model_status_pb2.GetModelStatusRequest()
        _ask(request.model_spec, model, version, None)
        response = self._call(self._models.GetModelStatus, request)
        found = [
            VersionStatus(
                version=one.version,
                state=VersionState(one.state),
                error_code=_CODES.get(one.status.error_code, "UNKNOWN"),
                error_message=one.status.error_message,
            )
            for one in response.model_version_status
        ]
        return sorted(found, key=lambda one: one.version, reverse=True)

    def wait_until_available(self, model: str, version: int, *, timeout_seconds: float) -> float:
        """Wait until a version is served; how many seconds that took.

        Raises:
            ServingFailedError: The version did not load.
            ServerUnreachableError: It is not there in time.
        """
        started = time.monotonic()
        state = "not known to the server"
        while time.monotonic() - started < timeout_seconds:
            try:
                (one,) = self.status(model, version=version)
            except ModelNotServedError:
                pass
            else:
                state = one.state.name
                if one.state is VersionState.AVAILABLE:
                    return time.monotonic() - started
                if one.state is VersionState.END:
                    raise ServingFailedError(
                        f"version {version} of {model} does not load",
                        at=self._address,
                        reason=one.error_message or None,
                        fix="look at the server's log; the version before it is still served",
                    )
            time.sleep(0.05)
        raise ServerUnreachableError(
            f"version {version} of {model} is not available after {timeout_seconds:g} s",
            at=self._address,
            state=state,
            fix="see whether the server follows this base path, and whether its policy takes the version",
        )

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Any],
        *,
        signature: str = "",
        version: int | None = None,
        label: str | None = None,
    ) -> dict[str, Array]:
        """Run a signature.

        Args:
            model: Its name.
            inputs: One array (or what numpy makes one of) an input.
            signature: By default the server's `serving_default`.
            version: One of this or `label`; by default the latest.
            label: The version of that label.

        Returns:
            Arrays by the names of the outputs; text as bytes.

        Raises:
            ModelNotServedError: There is no such model or version.
            ServingRefusedError: Inputs, signature or label do not fit.
            ServerUnreachableError: Nobody answers.
        """
        request = predict_pb2.PredictRequest()
        _ask(request.model_spec, model, version, label)
        request.model_spec.signature_name = signature
        for alias, value in inputs.items():
            request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
        response = self._call(self._predictions.Predict, request)
        return {alias: tf.make_ndarray(tensor) for alias, tensor in response.outputs.items()}

    def signatures(self, model: str, *, version: int | None = None) -> dict[str, Any]:
        """SignatureDefs of a model by name.

        Raises:
            ModelNotServedError: There is no such model or version.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _ask(request.model_spec, model, version, None)
        response = self._call(self._predictions.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(found)
        return dict(found.signature_def)

    def reload(self, configs: Sequence[ModelConfig]) -> None:
        """Replace the server's models, version policies and labels: what is not named is unloaded.

        Raises:
            ServingRefusedError: The server does not take the configuration, or a label names a version that
                is not available.
        """
        request = model_management_pb2.ReloadConfigRequest()
        write_configs(configs, request.config)
        response = self._call(self._models.HandleReloadConfigRequest, request)
        if response.status.error_code:  # the real server answers OK with an error inside
            _raise(
                _CODES.get(response.status.error_code, "UNKNOWN"),
                response.status.error_message,
                self._address,
            )

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        def once() -> Any:
            try:
                return method(request, timeout=self._timeout)
            except grpc.RpcError as error:
                _raise(error.code().name, error.details() or "", self._address)

        return _retrying(self._tries)(once)


class RestClient:
    """Calls a server's REST interface; close it, or use it in a `with`.

    Args:
        url: `http://host:8501`.
        timeout_seconds: Of one call.
        tries: Of a call that finds no server.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 10.0, tries: int = 3) -> None:
        self._url = url.rstrip("/")
        self._tries = tries
        self._http = httpx.Client(base_url=self._url, timeout=timeout_seconds, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.close()

    def status(self, model: str) -> list[VersionStatus]:
        """States of a model's versions, the newest first.

        Raises:
            ModelNotServedError: There is no such model.
            ServerUnreachableError: Nobody answers.
        """
        content = self._call("GET", f"/v1/models/{model}")
        found = [
            VersionStatus(
                version=int(one["version"]),
                state=VersionState[one["state"]],
                error_code=one["status"]["error_code"],
                error_message=one["status"]["error_message"],
            )
            for one in content["model_version_status"]
        ]
        return sorted(found, key=lambda one: one.version, reverse=True)

    def predict(self, model: str, instances: Sequence[Any], *, signature: str = "") -> list[Any]:
        """Predictions for rows, in their order.

        Raises:
            ModelNotServedError: There is no such model.
            ServingRefusedError: The rows do not fit the signature.
            ServerUnreachableError: Nobody answers.
        """
        body = {"signature_name": signature or "serving_default", "instances": list(instances)}
        return list(self._call("POST", f"/v1/models/{model}:predict", json=body)["predictions"])

    def _call(self, method: str, path: str, **given: Any) -> Any:
        def once() -> Any:
            try:
                response = self._http.request(method, path, **given)
                content = response.json()
            except httpx.TransportError as error:
                _raise("UNAVAILABLE", str(error), self._url)
            except ValueError:
                _raise("INTERNAL", f"HTTP {response.status_code}, and no JSON", self._url)
            if response.status_code == httpx.codes.OK:
                return content
            codes = {
                404: "NOT_FOUND",
                400: "INVALID_ARGUMENT",
                412: "FAILED_PRECONDITION",
                503: "UNAVAILABLE",
            }
            _raise(codes.get(response.status_code, "INTERNAL"), str(content.get("error", "")), self._url)

        return _retrying(self._tries)(once)


def _retrying(tries: int) -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(ServerUnreachableError),
        stop=stop_after_attempt(tries),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        reraise=True,
    )


def _ask(spec: Any, model: str, version: int | None, label: str | None) -> None:
    spec.name = model
    if version is not None:
        spec.version.value = version
    elif label is not None:
        spec.version_label = label


def _raise(code: str, message: str, at: str) -> NoReturn:
    kind: type[PipelineError]
    if code in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
        kind, summary, fix = (
            ServerUnreachableError,
            "the model server does not answer",
            "see whether it runs and the address is right: `pipeline serve` starts a local one",
        )
    elif code == "NOT_FOUND":
        kind, summary, fix = (
            ModelNotServedError,
            "the server does not serve that",
            "`pipeline serving status NAME` tells the versions that it has",
        )
    elif code in _REFUSED:
        kind, summary, fix = (
            ServingRefusedError,
            "the server refused the request",
            "make it fit the model's signature or the server's configuration",
        )
    else:
        kind, summary, fix = (
            ServingFailedError,
            "the server failed at the request",
            "look at the server's log",
        )
    raise kind(f"{summary}: {message}" if message else summary, at=at, status=code, fix=fix)
