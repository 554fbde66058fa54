import os
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline_lib.errors import HostUnavailableError
from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.host.starting import ensure_host, running_hosts, stop_hosts
from unit.runtime.background import InBackground, is_gone, only_status, pids_in
from waiting import wait_until


def is_ready(settings, *modules):
    return lambda: set(modules) <= set(only_status(settings).loaded)


def test_a_host_is_started_once_by_many(host_settings):
    with ThreadPoolExecutor(4) as pool:
        clients = list(pool.map(lambda _: ensure_host(["json"], "environment", host_settings), range(8)))
    assert len({client.address for client in clients}) == 1
    assert len(running_hosts(host_settings)) == 1


def test_starting_does_not_wait_for_imports(host_settings, tmp_path, monkeypatch):
    (tmp_path / "endless_module.py").write_text("import time; time.sleep(99)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    began = time.monotonic()
    ensure_host(["endless_module"], "environment", host_settings)
    assert time.monotonic() - began < 60
    wait_until(lambda: any(host_settings.directory.glob("*.pid")))
    assert stop_hosts(host_settings) == 1
    assert time.monotonic() - began < 60, "and it ends within the import"


def test_the_socket_is_private(host_settings):
    client = ensure_host([], "environment", host_settings)
    assert stat.S_IMODE(client.address.socket.stat().st_mode) == 0o600


def test_more_modules_extend_the_host(host_settings):
    ensure_host(["decimal"], "environment", host_settings)
    before = only_status(host_settings).pid
    ensure_host(["fractions"], "environment", host_settings)
    wait_until(is_ready(host_settings, "decimal", "fractions"))
    ensure_host(["decimal"], "environment", host_settings)
    assert only_status(host_settings).pid == before


def test_a_module_that_is_not_there_is_told(host_settings):
    ensure_host(["no_such_module"], "environment", host_settings)
    wait_until(lambda: bool(only_status(host_settings).failed))
    assert "ModuleNotFoundError" in only_status(host_settings).failed["no_such_module"]


def test_a_changed_environment_gets_a_new_host_and_ends_the_old(host_settings):
    ensure_host(["json"], "yesterday", host_settings)
    before = only_status(host_settings).pid
    ensure_host(["json"], "today", host_settings)
    wait_until(lambda: is_gone(before))
    assert only_status(host_settings).pid != before


def test_an_outdated_host_lets_its_children_end(host_settings, request_for, tmp_path):
    executor = Executor(
        host=host_settings,
    )
    request = request_for("sleep", notes=str(tmp_path / "notes"))
    running = InBackground(executor, request, log_path=tmp_path / "log", preload=("json",))
    pids_in(tmp_path / "notes")
    ensure_host(["json"], "tomorrow", host_settings)
    (tmp_path / "notes.go").touch()
    assert running.wait().failure is None


def test_a_socket_left_behind_is_replaced(host_settings):
    client = ensure_host([], "environment", host_settings)
    pid = only_status(host_settings).pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid))
    assert client.address.socket.exists()
    assert running_hosts(host_settings) == []
    ensure_host([], "environment", host_settings)
    assert only_status(host_settings).pid != pid


def test_stop_without_a_host_stops_nothing(host_settings):
    assert stop_hosts(host_settings) == 0


def test_no_shell_no_host(host_settings, monkeypatch):
    monkeypatch.setattr("pipeline_lib.runtime.host.starting._SHELL", "/no/such/shell")
    with pytest.raises(HostUnavailableError, match="cannot be started"):
        ensure_host([], "environment", host_settings)
    assert list(host_settings.directory.glob("*.sock")) == []


def test_the_log_of_an_outdated_host_goes_with_the_next_start(host_settings):
    before = ensure_host([], "yesterday", host_settings).address
    stop_hosts(host_settings)
    assert before.log.exists()
    after = ensure_host([], "today", host_settings).address
    assert list(host_settings.directory.glob("*.log")) == [after.log]
