import threading
import time

import pytest

from pipeline_lib.runtime.host.address import host_address
from pipeline_lib.runtime.host.client import HostClient, NotStarted
from pipeline_lib.runtime.host.protocol import ExecuteOrder, ExitStatus
from pipeline_lib.runtime.host.starting import ensure_host
from pipeline_lib.runtime.messages import Response
from waiting import wait_until


@pytest.fixture
def order(request_for, tmp_path):
    (tmp_path / "request.json").write_text(request_for("write").model_dump_json())
    return ExecuteOrder(
        request=str(tmp_path / "request.json"),
        response=str(tmp_path / "response.json"),
        log=str(tmp_path / "log"),
        progress=str(tmp_path / "progress"),
        scratch=str(tmp_path),
        environ={},
        directory="/",
    )


def execute(client, order, cancel=None):
    return client.execute(order, cancel=cancel or threading.Event(), tick=lambda: None)


def test_an_order_is_executed(host_settings, order, tmp_path):
    status = execute(ensure_host([], "environment", host_settings), order)
    assert isinstance(status, ExitStatus)
    assert (status.exit_code, status.signal, status.stopped) == (0, None, None)
    assert status.wall_seconds > 0
    assert Response.model_validate_json((tmp_path / "response.json").read_bytes()).failure is None


def test_what_ended_without_a_response_is_told_as_the_kernel_counts(
    host_settings, order, request_for, tmp_path
):
    (tmp_path / "request.json").write_text(request_for("end_at_once").model_dump_json())
    status = execute(ensure_host([], "environment", host_settings), order)
    assert isinstance(status, ExitStatus)
    assert status.exit_code == 3
    assert status.peak_memory_bytes > 1 << 20


def test_without_a_host_nothing_is_started(host_settings, order):
    client = HostClient(address=host_address(host_settings, "environment"))
    assert execute(client, order) == NotStarted(reason="nobody listens")
    assert client.status() is None
    assert not client.preload(("json",))
    assert not client.stop(force=True)


def test_a_host_with_too_many_threads_refuses(host_settings, order):
    client = ensure_host([], "environment", host_settings, thread_limit=0)
    assert execute(client, order) == NotStarted(
        reason="the host has 1 threads, more than the 0 that imports alone may leave behind"
    )


def test_an_execution_that_waits_for_an_import_can_be_canceled(host_settings, order, tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(
        "import sys, time\n"
        "while True:\n"
        "    time.sleep(0.1)\n"
        "    import json.tool\n"  # what is asked for again and again lets the host look at its clients
        "    del sys.modules['json.tool']\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    client = ensure_host(["slow_to_import"], "environment", host_settings)
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    began = time.monotonic()
    status = execute(client, order.model_copy(update={"modules": ("slow_to_import",)}), cancel)
    assert status == ExitStatus(stopped="cancel")
    assert time.monotonic() - began < 100


def test_a_directory_that_is_gone_is_told_in_the_log(host_settings, order, tmp_path):
    gone = order.model_copy(update={"directory": "/no/such/directory"})
    status = execute(ensure_host([], "environment", host_settings), gone)
    assert isinstance(status, ExitStatus)
    assert status.exit_code == 70
    wait_until((tmp_path / "log").exists)
    assert "FileNotFoundError" in (tmp_path / "log").read_text()
