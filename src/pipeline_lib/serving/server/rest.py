"""TensorFlow Serving's REST interface over a model manager."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tensorflow_serving.apis import get_model_metadata_pb2

from pipeline_lib.serving.server import json_tensors
from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Refusal, Status, invalid
from pipeline_lib.serving.server.servable import Servable

_PATH = re.compile(
    r"/v1/models(?:/(?P<name>[^/:]+))?(?:/(?:versions/(?P<version>\d+)|labels/(?P<label>[^/:]+)))?"
    r"(?P<action>:(?:predict|classify|regress)|/metadata)?",
    re.IGNORECASE,
)
_API = {"": "get_model_status", "/metadata": "get_model_metadata", ":predict": "predict"}


class RestInterface:
    """Answers the paths of `/v1/models`, and the metrics' path."""

    def __init__(self, manager: ModelManager[Servable], metrics: Metrics) -> None:
        self._manager = manager
        self._metrics = metrics

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/monitoring/prometheus/metrics", self._scrape),
                Route("/{path:path}", self._answer, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
            ]
        )

    async def _scrape(self, request: Request) -> Response:
        del request
        return PlainTextResponse(self._metrics.text())

    async def _answer(self, request: Request) -> Response:
        started = time.perf_counter()
        body = await request.body()
        found = _PATH.fullmatch(request.url.path)
        name = (found and found["name"]) or ""
        api = _API.get((found["action"] or "").lower() if found else "", "other")
        try:
            call = self._call(request, found, body)
            text, status = await run_in_threadpool(call), None
        except Refusal as refusal:
            text, status = json.dumps({"error": refusal.message}), refusal.status
        self._metrics.answered(
            name if status is not Status.NOT_FOUND else "",
            status=status.name if status else "OK",
            api=api,
            entrypoint="REST",
            seconds=time.perf_counter() - started,
        )
        return Response(text, status_code=status.http if status else 200, media_type="application/json")

    def _call(self, request: Request, found: re.Match[str] | None, body: bytes) -> Callable[[], str]:
        malformed = invalid(f"Malformed request: {request.method} {request.url.path}")
        if found is None:
            raise malformed
        name, version, label = found["name"], _version(found["version"]), found["label"]
        if name is None:
            raise invalid("Missing model name in request.")
        match request.method, (found["action"] or "").lower():
            case "POST", ":predict":
                return lambda: self._predict(name, version, label, body)
            case "POST", ":classify" | ":regress":
                raise Refusal(Status.UNIMPLEMENTED, "This server answers :predict only.")
            case "GET" | "HEAD", "":
                return lambda: self._status(name, version, label)
            case "GET" | "HEAD", "/metadata":
                return lambda: self._metadata(name, version, label)
        raise malformed

    def _predict(self, name: str, version: int | None, label: str | None, body: bytes) -> str:
        asked = json_tensors.read_predict(body)
        _, servable = self._manager.find(name, version, label)
        inputs = json_tensors.arrays(asked, servable.signature(asked.signature_name))
        outputs = servable.predict(asked.signature_name, inputs)
        return json.dumps(json_tensors.answer(outputs, rows=asked.rows))

    def _status(self, name: str, version: int | None, label: str | None) -> str:
        return _pretty(
            {
                "model_version_status": [
                    {
                        "version": str(one.version),
                        "state": one.state.name,
                        "status": {"error_code": one.error_code, "error_message": one.error_message},
                    }
                    for one in self._manager.status(name, version, label)
                ]
            }
        )

    def _metadata(self, name: str, version: int | None, label: str | None) -> str:
        number, servable = self._manager.find(name, version, label)
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=servable.signatures)
        told = json_format.MessageToDict(
            signatures, preserving_proto_field_name=True, including_default_value_fields=True
        )
        spec = {"name": name, "signature_name": "", "version": str(number)}
        return _pretty({"model_spec": spec, "metadata": {"signature_def": told}})


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if int(text) >= 2**63:
        raise invalid(f"Failed to convert version: {text} to numeric.")
    return int(text)


def _pretty(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1)
