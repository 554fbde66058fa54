"""TensorFlow Serving's REST interface over a model manager: an ASGI application without a framework.

There are few paths; a framework's routing and request objects would take longer than a small model.
"""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from typing import Any
from urllib.parse import unquote

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from pipeline_lib.serving.server import json_examples, json_tensors
from pipeline_lib.serving.server.answering import Answering, Call
from pipeline_lib.serving.server.refusals import Refusal, Status, invalid
from pipeline_lib.serving.server.servable import Servable

_PATH = re.compile(
    r"/v1/models(?:/(?P<name>[^/:]+))?(?:/(?:versions/(?P<version>\d+)|labels/(?P<label>[^/:]+)))?"
    r"(?P<action>:(?:predict|classify|regress)|/metadata)?",
    re.IGNORECASE,
)
_ROOT = "/v1/"
# As libevent, which TensorFlow Serving uses, has it.
_NOT_FOUND = (
    b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
)
METRICS_PATH = "/monitoring/prometheus/metrics"
_API = {
    "": "get_model_status",
    "/metadata": "get_model_metadata",
    ":predict": "predict",
    ":classify": "classify",
    ":regress": "regress",
}
# Longer bodies are read in a thread, so that others are answered meanwhile.
_SHORT = 1 << 14
_TOO_LARGE = 413

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class RestInterface:
    """Answers the paths of `/v1/models`, and the metrics' path.

    Args:
        answering: The models, and who counts.
        threads: Run what takes long.
        max_bytes: Of a body, unpacked; a longer one is 413.
    """

    def __init__(self, answering: Answering, threads: Executor, *, max_bytes: int) -> None:
        self._answering = answering
        self._threads = threads
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        state = Call()
        # Not decoded: an encoded slash is part of a name.
        path, method = scope["raw_path"].decode("latin-1"), scope["method"]
        if path == METRICS_PATH and method in {"GET", "HEAD"}:
            text = self._answering.metrics.text().encode()
            await _send(send, 200, text, b"text/plain; version=0.0.4; charset=utf-8")
            return
        if not path.lower().startswith(_ROOT):
            await _send(send, 404, _NOT_FOUND, b"text/html")
            return
        try:
            body = await _body(scope, receive, self._max_bytes)
        except _TooLargeError:
            told = _error(f"The body is longer than {self._max_bytes} bytes")
            await _send(send, _TOO_LARGE, told, b"application/json", close=True)
            return
        except (OSError, EOFError, zlib.error) as error:
            await _send(send, 400, _error(f"Failed to unpack the gzip body: {error}"), b"application/json")
            return
        found = _PATH.fullmatch(path)
        request = _Request(self._answering, state, method, path, found, body)
        try:
            answer, status = await self._answered(request), None
        except Refusal as refusal:
            answer, status = _error(refusal.message), refusal.status
        except Exception as error:  # noqa: BLE001 -- one request must not end the connection of others
            answer, status = _error(f"{type(error).__name__}: {error}"), Status.INTERNAL
        name = request.name if found else ""
        self._answering.count(name, state, status=status, api=request.api, entrypoint="REST")
        await _send(
            send,
            status.http if status else 200,
            answer,
            b"application/json",
            packed=_wants_gzip(scope, answer),
        )

    async def _answered(self, request: "_Request") -> bytes:
        # To hand a short run to a thread takes longer than the run.
        if len(request.body) <= _SHORT and request.quick():
            return request.answer()
        return await asyncio.get_running_loop().run_in_executor(self._threads, request.answer)


class _Request:
    """One request."""

    def __init__(
        self,
        answering: Answering,
        state: Call,
        method: str,
        path: str,
        found: re.Match[str] | None,
        body: bytes,
    ) -> None:
        self._answering = answering
        self._state = state
        self._asked = f"{method} {path}"
        self._found = found
        self.body = body
        self.name = unquote(found["name"] or "") if found else ""
        self._action = (found["action"] or "").lower() if found else ""
        self._kind = method if method != "HEAD" else "GET"
        self.api = _API[self._action] if found else "other"
        self._servable: Servable | None = None
        self._predict: json_tensors.PredictBody | None = None

    def quick(self) -> bool:
        """Whether the answer takes no longer than to hand it to a thread."""
        if self.api != "predict" or self._kind != "POST":
            return self.api not in {"classify", "regress"}
        self._predict = json_tensors.read_predict(self.body)
        return self._loaded().quick(self._predict.signature_name)

    def answer(self) -> bytes:
        """The body of the answer.

        Raises:
            Refusal: The request cannot be answered.
        """
        if self._found is None:
            raise self._malformed()
        match self._kind, self._action:
            case "POST", ":predict":
                return self._predicted()
            case "POST", ":classify":
                name, examples = json_examples.read_examples(self.body)
                classes = self._state.timed(self._loaded().classify, name, examples)
                self._answering.metrics.examples(self.name, len(examples))
                return json_examples.classified(classes)
            case "POST", ":regress":
                name, examples = json_examples.read_examples(self.body)
                values = self._state.timed(self._loaded().regress, name, examples)
                self._answering.metrics.examples(self.name, len(examples))
                return json_examples.regressed(values)
            case "GET", "":
                return self._status()
            case "GET", "/metadata":
                return self._metadata()
        raise self._malformed()

    def _malformed(self) -> Refusal:
        return invalid(f"Malformed request: {self._asked}")

    def _spec(self) -> tuple[str, int | None, str | None]:
        if self._found is None or not self.name:
            raise invalid("Missing model name in request.")
        label = self._found["label"]
        return self.name, _version(self._found["version"]), unquote(label) if label else None

    def _loaded(self) -> Servable:
        if self._servable is None:
            self._state.version, self._servable = self._answering.manager.find(*self._spec())
        return self._servable

    def _predicted(self) -> bytes:
        asked = self._predict or json_tensors.read_predict(self.body)
        servable = self._loaded()
        given = json_tensors.inputs_of(asked, servable.signature(asked.signature_name))
        outputs = self._state.timed(servable.predict, asked.signature_name, given.arrays)
        return json_tensors.answer(outputs, rows=given.rows)

    def _status(self) -> bytes:
        return _pretty(
            {
                "model_version_status": [
                    {
                        "version": str(one.version),
                        "state": one.state.name,
                        "status": {"error_code": one.error_code, "error_message": one.error_message},
                    }
                    for one in self._answering.manager.status(*self._spec())
                ]
            }
        )

    def _metadata(self) -> bytes:
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=self._loaded().signatures)
        told = json_format.MessageToDict(
            signatures, preserving_proto_field_name=True, including_default_value_fields=True
        )
        spec = {"name": self.name, "signature_name": "", "version": str(self._state.version)}
        return _pretty({"model_spec": spec, "metadata": {"signature_def": told}})


class _TooLargeError(Exception):
    pass


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _TooLargeError
        more = message.get("more_body", False)
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    if any(name == b"content-encoding" and value.lower() == b"gzip" for name, value in scope["headers"]):
        return _unpacked(body, limit)
    return body


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    found = unpacker.decompress(body, limit + 1)
    if len(found) > limit:
        raise _TooLargeError
    if not unpacker.eof:
        raise EOFError("it is cut off")
    return found


def _wants_gzip(scope: Scope, answer: bytes) -> bool:
    if len(answer) < _SHORT:
        return False
    return any(name == b"accept-encoding" and b"gzip" in value.lower() for name, value in scope["headers"])


async def _send(
    send: Send, status: int, body: bytes, kind: bytes, *, packed: bool = False, close: bool = False
) -> None:
    headers = [(b"content-type", kind)]
    if packed:
        body = gzip.compress(body, compresslevel=1)
        headers.append((b"content-encoding", b"gzip"))
    if close:
        headers.append((b"connection", b"close"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if int(text) >= 2**63:
        raise invalid(f"Failed to convert version: {text} to numeric.")
    return int(text)


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()


def _pretty(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()
