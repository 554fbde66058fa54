"""A client of TensorFlow Serving's REST interface, or the local model server's; needs no TensorFlow."""

import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Self

import httpx

from pipeline_lib.serving.clients.answers import asking, raise_refusal
from pipeline_lib.serving.versions import VersionState, VersionStatus
from pipeline_lib.settings import TlsSettings

_CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestClient:
    """Calls a server's REST interface; close it, or use it in a `with`.

    Args:
        url: `http://host:8501`.
        timeout_seconds: Of one call.
        tries: Of a call that finds no server; a refused call is not repeated.
        tls: Whom to trust and who we are, for https; the system's certificates without.
    """

    def __init__(
        self, url: str, *, timeout_seconds: float = 10.0, tries: int = 3, tls: TlsSettings | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._tries = tries
        self._http = httpx.Client(
            base_url=self._url,
            timeout=timeout_seconds,
            trust_env=False,
            verify=_context(tls) if self._url.startswith("https") else False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def status(self, model: str, *, version: int | None = None) -> list[VersionStatus]:
        """States of a model's versions, the newest first.

        Raises:
            ModelNotServedError: There is no such model or version.
            ServerUnreachableError: Nobody answers.
        """
        content = self._call("GET", _path(model, version, None))
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

    def predict(
        self,
        model: str,
        instances: Sequence[Any],
        *,
        signature: str = "",
        version: int | None = None,
        label: str | None = None,
    ) -> list[Any]:
        """Predictions for rows, in their order.

        Args:
            model: Its name.
            instances: Rows: values, or objects with a value for each input; bytes as `{"b64": ...}`.
            signature: By default `serving_default`.
            version: One of this or `label`; by default the latest.
            label: The version of that label.

        Raises:
            ModelNotServedError: There is no such model or version.
            ServingRefusedError: The rows, the signature or the label do not fit.
            ServerUnreachableError: Nobody answers.
        """
        body = {"signature_name": signature or "serving_default", "instances": list(instances)}
        path = f"{_path(model, version, label)}:predict"
        return list(self._call("POST", path, body=body)["predictions"])

    def predict_columns(
        self,
        model: str,
        inputs: Mapping[str, Any],
        *,
        signature: str = "",
        version: int | None = None,
        label: str | None = None,
    ) -> Any:
        """What a signature gives for whole columns: a mapping by output, or the only output's value.

        Raises:
            ModelNotServedError: There is no such model or version.
            ServingRefusedError: The inputs, the signature or the label do not fit.
            ServerUnreachableError: Nobody answers.
        """
        body = {"signature_name": signature or "serving_default", "inputs": dict(inputs)}
        return self._call("POST", f"{_path(model, version, label)}:predict", body=body)["outputs"]

    def _call(self, method: str, path: str, *, body: Any = None) -> Any:
        def once() -> Any:
            try:
                response = self._http.request(method, path, content=_body(body))
                content = response.json()
            except (httpx.TransportError, ssl.SSLError) as error:
                raise_refusal("UNAVAILABLE", str(error), self._url)
            except ValueError:
                raise_refusal(
                    _CODES.get(response.status_code, "INTERNAL"),
                    f"HTTP {response.status_code}, and no JSON",
                    self._url,
                )
            if response.status_code != httpx.codes.OK:
                told = content.get("error", "") if isinstance(content, dict) else content
                raise_refusal(_CODES.get(response.status_code, "INTERNAL"), str(told), self._url)
            return content

        return asking(self._tries, once)


def _body(content: Any) -> bytes | None:
    # Not httpx's own: it refuses NaN, which TensorFlow Serving reads.
    return None if content is None else json.dumps(content).encode()


def _path(model: str, version: int | None, label: str | None) -> str:
    if version is not None:
        return f"/v1/models/{model}/versions/{version}"
    return f"/v1/models/{model}" + (f"/labels/{label}" if label else "")


def _context(tls: TlsSettings | None) -> ssl.SSLContext | bool:
    if tls is None:
        return True
    made = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    if tls.certificate:
        made.load_cert_chain(str(tls.certificate), str(tls.key) if tls.key else None)
    return made
