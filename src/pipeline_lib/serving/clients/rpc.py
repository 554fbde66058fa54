"""A client of TensorFlow Serving's gRPC interface, or the local model server's."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import grpc
import numpy as np
import tensorflow as tf
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
    ServerUnreachableError,
    ServingFailedError,
)
from pipeline_lib.serving.clients.answers import asking, raise_refusal
from pipeline_lib.serving.server.configs import write_configs
from pipeline_lib.serving.versions import ModelConfig, VersionState, VersionStatus
from pipeline_lib.settings import TlsSettings

Array = np.ndarray[Any, Any]

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class GrpcClient:
    """Calls a server's ModelService and PredictionService; close it, or use it in a `with`.

    Args:
        address: `host:port`.
        timeout_seconds: Of one call.
        tries: Of a call that finds no server; a refused call is not repeated.
        tls: Whom to trust and who we are; without, the channel is plain.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout_seconds: float = 10.0,
        tries: int = 3,
        tls: TlsSettings | None = None,
    ) -> None:
        self._address = address
        self._timeout = timeout_seconds
        self._tries = tries
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel = (
            grpc.secure_channel(address, _credentials(tls), options=options)
            if tls is not None
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

    def reload(self, configs: Sequence[ModelConfig], *, timeout_seconds: float | None = None) -> None:
        """Replace the server's models, version policies and labels: what is not named is unloaded.

        Args:
            configs: All models of the server.
            timeout_seconds: Instead of the client's: the server answers once new models are loaded.

        Raises:
            ServingRefusedError: The server does not take the configuration, or a label names a version that
                is not available.
        """
        request = model_management_pb2.ReloadConfigRequest()
        write_configs(configs, request.config)
        response = self._call(self._models.HandleReloadConfigRequest, request, timeout_seconds)
        if response.status.error_code:  # the real server answers OK with an error inside
            raise_refusal(
                _CODES.get(response.status.error_code, "UNKNOWN"),
                response.status.error_message,
                self._address,
            )

    def _call(self, method: Callable[..., Any], request: Any, timeout_seconds: float | None = None) -> Any:
        def once() -> Any:
            try:
                return method(request, timeout=timeout_seconds or self._timeout)
            except grpc.RpcError as error:
                raise_refusal(error.code().name, error.details() or "", self._address)

        return asking(self._tries, once)


def _ask(spec: Any, model: str, version: int | None, label: str | None) -> None:
    spec.name = model
    if version is not None:
        spec.version.value = version
    elif label is not None:
        spec.version_label = label


def _credentials(tls: TlsSettings) -> Any:
    return grpc.ssl_channel_credentials(
        root_certificates=_pem(tls.ca),
        private_key=_pem(tls.key),
        certificate_chain=_pem(tls.certificate),
    )


def _pem(file: Path | None) -> bytes | None:
    return file.read_bytes() if file else None
