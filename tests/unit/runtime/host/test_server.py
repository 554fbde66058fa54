import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.host.protocol import (
    ExecuteOrder,
    FrameBuffer,
    StatusOrder,
    encode,
    parse_event,
)
from pipeline_lib.runtime.host.server import Server
from pipeline_lib.runtime.host.starting import ensure_host
from pipeline_lib.runtime.host.supervision import Children
from unit.runtime.background import InBackground, is_gone, only_status, pids_in
from waiting import wait_until


def test_an_idle_host_ends_and_takes_its_socket_away(host_settings):
    ensure_host(["json"], "environment", host_settings.model_copy(update={"idle_timeout_seconds": 0.5}))
    pid = only_status(host_settings).pid
    wait_until(lambda: is_gone(pid))
    assert [
        path.suffix for path in host_settings.directory.iterdir() if path.suffix in (".sock", ".pid")
    ] == []


def test_who_has_spoken_before_the_host_listened_is_heard_before_an_import(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        client.connect(path)
        client.sendall(encode(StatusOrder()))
        server = Server(listener=listener, idle_timeout_seconds=60)
        server.preload(["json"])
        server.poll(0)
        (answer,) = FrameBuffer().feed(client.recv(65536))
        server.close()
    assert parse_event(answer).pending == ("json",)


def test_a_child_is_forked_when_the_last_one_has_given_back_what_it_had(monkeypatch):
    started = []
    monkeypatch.setattr(Server, "_start", lambda _, __, order: started.append(order.label))
    monkeypatch.setattr("pipeline_lib.runtime.host.server.why_not_fork", lambda *_: None)  # tests run ops
    monkeypatch.setattr(Children, "leaving", True)
    ours, theirs = socket.socketpair()
    server = Server(listener=None, idle_timeout_seconds=60)
    order = ExecuteOrder(
        request="r", response="s", log="l", progress="p", scratch="x", environ={}, directory="/", label="next"
    )
    ours.sendall(encode(order))
    server.adopt(theirs)
    server._start_ready()
    assert started == []
    monkeypatch.setattr(Children, "leaving", False)
    server._start_ready()
    assert started == ["next"]
    ours.close()


def test_work_keeps_a_host_awake(host_settings, request_for, tmp_path):
    settings = host_settings.model_copy(update={"idle_timeout_seconds": 0.3})
    executor = Executor(
        host=settings,
    )
    request = request_for("sleep", notes=str(tmp_path / "notes"), seconds=1.0)
    response = executor.execute(request, log_path=tmp_path / "log", preload=("json",))
    assert response.failure is None
    assert (tmp_path / "log").read_text() == ""


def test_the_host_is_nobodys_child_and_of_its_own_session(host_settings):
    ensure_host([], "environment", host_settings)
    host = psutil.Process(only_status(host_settings).pid)
    assert os.getsid(host.pid) == host.pid
    assert host.ppid() != os.getpid()
    standard = [Path(f"/proc/{host.pid}/fd/{number}").readlink() for number in range(3)]
    assert standard[0] == Path("/dev/null")
    assert {path.parent for path in standard[1:]} == {host_settings.directory}


def test_sigterm_ends_the_host_and_its_children(host_settings, request_for, tmp_path):
    executor = Executor(
        host=host_settings,
    )
    request = request_for("sleep", notes=str(tmp_path / "notes"))
    running = InBackground(executor, request, log_path=tmp_path / "log", preload=("json",))
    pids = pids_in(tmp_path / "notes")
    host = only_status(host_settings).pid
    os.kill(host, signal.SIGTERM)
    response = running.wait()
    assert response.failure is not None
    assert response.failure.error["code"] == "PL424"
    wait_until(lambda: all(is_gone(pid) for pid in [host, *pids]))


def test_two_clients_share_a_host_and_one_lost_does_not_harm_the_other(host_settings, request_for, tmp_path):
    executors = [
        Executor(
            host=host_settings,
        )
        for _ in range(2)
    ]
    running = [
        InBackground(
            executor,
            request_for("sleep", notes=str(tmp_path / f"notes{number}"), seconds=300),
            log_path=tmp_path / f"log{number}",
            preload=("json",),
        )
        for number, executor in enumerate(executors)
    ]
    for number in range(2):
        pids_in(tmp_path / f"notes{number}")
    assert len(only_status(host_settings).children) == 2
    running[0].cancel.set()
    assert running[0].wait().failure is not None
    (tmp_path / "notes1.go").touch()
    assert running[1].wait().failure is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_connection_is_dropped(host_settings):
    client = ensure_host([], "environment", host_settings)
    host_settings.directory.chmod(0o755)
    client.address.socket.chmod(0o666)
    another = (
        "import os, socket, sys\n"
        "os.setuid(65534)\n"
        "with socket.socket(socket.AF_UNIX) as connection:\n"
        "    connection.settimeout(5)\n"
        "    connection.connect(sys.argv[1])\n"
        "    assert connection.recv(1) == b''\n"
    )
    subprocess.run([sys.executable, "-c", another, str(client.address.socket)], check=True)
    host_settings.directory.chmod(0o700)
    assert only_status(host_settings).served == 0


def test_nonsense_from_a_client_does_not_end_the_host(host_settings):
    client = ensure_host([], "environment", host_settings)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(client.address.socket))
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(1) == b""
    assert only_status(host_settings).children == ()


def test_status_tells_what_runs(host_settings, request_for, tmp_path):
    executor = Executor(
        host=host_settings,
    )
    request = request_for("sleep", notes=str(tmp_path / "notes"))
    running = InBackground(executor, request, log_path=tmp_path / "log", preload=("json",))
    child, _ = pids_in(tmp_path / "notes")
    status = only_status(host_settings)
    assert [(one.pid, one.label) for one in status.children] == [(child, "sleep")]
    assert status.threads < 5
    assert status.memory_bytes > 10 << 20
    (tmp_path / "notes.go").touch()
    assert running.wait().failure is None
