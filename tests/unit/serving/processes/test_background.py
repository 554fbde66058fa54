"""A server in the background: found again, ended when idle, and never taken for another process."""

import json
import sys
import threading
from pathlib import Path

import psutil
import pytest

from pipeline_lib.errors import ServerSettingsError, ServerUnreachableError
from pipeline_lib.serving.processes import background
from pipeline_lib.serving.processes.background import (
    Background,
    running,
    stop,
    wait_until_it_answers,
    watch,
    with_running,
)
from pipeline_lib.settings import ReplicaSettings, ServingSettings

SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Metrics(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b':tensorflow:serving:request_count{model_name="m",status="OK"} 3\\n')
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Metrics).serve_forever()
"""


def note(root: Path, *, born: float, models: tuple[str, ...] = ("m",)) -> Background:
    made = Background(
        pid=psutil.Process().pid, born=born, rest="http://127.0.0.1:1", grpc="127.0.0.1:2", models=models
    )
    told = {name: getattr(made, name) for name in ("pid", "born", "rest", "grpc", "models")}
    (root / ".server.json").write_text(json.dumps(told))
    return made


def test_a_server_is_found_again(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    assert running(tmp_path) is None
    made = note(tmp_path, born=psutil.Process().create_time())
    assert running(tmp_path) == made


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"pid": 1}'])
def test_a_damaged_note_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".server.json").write_text(text)
    assert running(tmp_path) is None


def test_a_process_that_has_the_number_by_now_is_not_the_server(tmp_path: Path) -> None:
    note(tmp_path, born=1.0)
    assert running(tmp_path) is None
    assert not stop(tmp_path)


def test_it_confirms_pushes_of_its_models_only(tmp_path: Path) -> None:
    settings = ServingSettings(base_path=str(tmp_path))
    assert with_running(settings, "m") == settings
    note(tmp_path, born=psutil.Process().create_time())
    found = with_running(settings, "m")
    assert (found.control, found.replicas) == ("follow", (ReplicaSettings(rest="http://127.0.0.1:1"),))
    assert with_running(settings, "other") == settings
    named = ServingSettings(base_path=str(tmp_path), replicas=(ReplicaSettings(grpc="a:1"),))
    assert with_running(named, "m") == named


def test_it_ends_when_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(background.signal, "signal", lambda *_: None)
    port = background._free_port()
    codes: list[int] = []
    command = [sys.executable, "-c", SERVER, str(port)]
    watching = threading.Thread(target=lambda: codes.append(watch(tmp_path / "note", 0.5, port, command)))
    watching.start()
    server = Background(
        pid=psutil.Process().pid,
        born=psutil.Process().create_time(),
        rest=f"http://127.0.0.1:{port}",
        grpc="",
    )
    wait_until_it_answers(server, tmp_path, timeout_seconds=60)
    watching.join(60)
    assert codes == [-15]


def test_waiting_ends(tmp_path: Path) -> None:
    alive = note(tmp_path, born=psutil.Process().create_time())
    with pytest.raises(ServerUnreachableError, match="does not listen"):
        wait_until_it_answers(alive, tmp_path, timeout_seconds=0.1)
    dead = note(tmp_path, born=1.0)
    with pytest.raises(ServerSettingsError, match="has ended"):
        wait_until_it_answers(dead, tmp_path, timeout_seconds=5)
