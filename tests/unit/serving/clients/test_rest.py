"""The REST client: what it sends, what it makes of refusals, retries, and TLS."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from integration.certificates import Authority
from pipeline_lib.errors import (
    ModelNotServedError,
    ServerUnreachableError,
    ServingFailedError,
    ServingRefusedError,
)
from pipeline_lib.serving.clients.rest import RestClient
from pipeline_lib.serving.versions import VersionState
from pipeline_lib.settings import TlsSettings

STATUS = {"version": "7", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


class Answers(BaseHTTPRequestHandler):
    """Says what the model's name asks for, and remembers what it was asked."""

    asked: list[tuple[str, object]]

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append((self.path, json.loads(body) if body else None))
        failing = [seen for seen in self.asked if "/busy" in seen[0]]
        code = 503 if "/busy" in self.path and len(failing) < 3 else 200
        for status in (400, 404, 500):
            code = status if f"/fails-{status}" in self.path else code
        content: object = {"model_version_status": [STATUS]}
        if body:
            content = {"predictions": [1.5], "outputs": {"y": [1.5]}}
        text = json.dumps(content if code == 200 else {"error": "told why"})
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode() if "/html" not in self.path else b"<html>")

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[tuple[str, object]]]]:
    asked: list[tuple[str, object]] = []
    handler = type("Handler", (Answers,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_paths_and_bodies() -> None:
    with listening() as (url, asked), RestClient(url) as client:
        (one,) = client.status("m")
        assert (one.version, one.state) == (7, VersionState.AVAILABLE)
        assert client.predict("m", [{"x": 1}], label="stable") == [1.5]
        assert client.predict_columns("m", {"x": [1.0]}, version=7, signature="s") == {"y": [1.5]}
        assert asked == [
            ("/v1/models/m", None),
            (
                "/v1/models/m/labels/stable:predict",
                {"signature_name": "serving_default", "instances": [{"x": 1}]},
            ),
            ("/v1/models/m/versions/7:predict", {"signature_name": "s", "inputs": {"x": [1.0]}}),
        ]


@pytest.mark.parametrize(
    ("model", "error", "match"),
    [
        ("fails-400", ServingRefusedError, "told why"),
        ("fails-404", ModelNotServedError, "told why"),
        ("fails-500", ServingFailedError, "told why"),
        ("html", ServingFailedError, "HTTP 200, and no JSON"),
    ],
)
def test_refusals_are_not_repeated(model: str, error: type[Exception], match: str) -> None:
    with listening() as (url, asked), RestClient(url) as client, pytest.raises(error, match=match):
        client.status(model)
    assert len(asked) == 1


def test_a_server_that_is_busy_is_asked_again() -> None:
    with listening() as (url, asked), RestClient(url, tries=3) as client:
        assert client.status("busy")
        assert len(asked) == 3


def test_nobody_there() -> None:
    with RestClient("http://127.0.0.1:1", tries=1) as client:
        with pytest.raises(ServerUnreachableError, match="does not answer"):
            client.status("m")


def test_tls_trusts_whom_the_profile_names_and_nobody_else(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with listening(context) as (url, _):
        with RestClient(url, tls=TlsSettings(ca=authority.file)) as client:
            assert client.status("m")
        with RestClient(url, tries=1) as stranger, pytest.raises(ServerUnreachableError, match="CERTIFICATE"):
            stranger.status("m")
