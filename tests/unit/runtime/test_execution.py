import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.host.starting import running_hosts
from unit.runtime.background import InBackground, is_gone, pids_in
from waiting import wait_until

HERE = Path(__file__).parent
LIGHT = ("decimal", "fractions")
EXECUTIONS = int(os.environ.get("EXECUTIONS", "50"))


def failure(response, code):
    assert response.failure is not None
    assert response.failure.error["code"] == code, response.failure
    return response.failure


def test_outputs_come_back_and_prints_go_to_the_log(executor, request_for, tmp_path):
    log = tmp_path / "logs" / "a.log"
    response = executor.execute(request_for("write", name="me"), log_path=log, preload=LIGHT)
    (model,) = response.outputs["model"]
    assert model.type_name == "Model"
    assert Path(model.path).is_relative_to(tmp_path / "staging")
    assert log.read_text() == "hello from me\n"
    assert response.usage.wall_seconds > 0
    assert response.usage.peak_memory_bytes > 5 << 20


def test_a_child_leads_its_own_session_in_the_launchers_directory(executor, request_for, tmp_path):
    response = executor.execute(request_for("write"), log_path=tmp_path / "log", preload=LIGHT)
    pid, parent, session, directory = Path(response.outputs["model"][0].path, "facts.txt").read_text().split()
    assert pid == session
    assert parent != str(os.getpid())
    assert directory == str(Path.cwd())


def test_variables_are_the_launchers_of_now(executor, request_for, tmp_path, monkeypatch):
    monkeypatch.setenv("ONLY_NOW", "yes")
    request = request_for("environment").model_copy(update={"environment_variables": {"FROM_REQUEST": "too"}})
    response = executor.execute(request, log_path=tmp_path / "log", preload=LIGHT)
    text = Path(response.outputs["model"][0].path, "environment.txt").read_text()
    found = dict(line.split("=", 1) for line in text.splitlines())
    assert (found["ONLY_NOW"], found["FROM_REQUEST"]) == ("yes", "too")
    assert found["temp"] == found["TMPDIR"]
    assert not Path(found["temp"]).exists(), "what a body leaves among temporary files goes with it"


def test_the_warm_host_has_the_modules(warm, request_for, tmp_path):
    response = warm.execute(request_for("environment"), log_path=tmp_path / "log", preload=LIGHT)
    text = Path(response.outputs["model"][0].path, "environment.txt").read_text()
    assert "modules=decimal,fractions" in text


def test_progress_arrives_in_order(executor, request_for, tmp_path):
    seen = []
    response = executor.execute(
        request_for("progress"), log_path=tmp_path / "log", preload=LIGHT, on_progress=seen.append
    )
    assert response.failure is None
    assert [progress["epoch"] for progress in seen] == [0, 1, 2]


def test_a_foreign_exception_names_type_message_and_line(executor, request_for, tmp_path):
    log = tmp_path / "log"
    found = failure(executor.execute(request_for("raise_foreign"), log_path=log, preload=LIGHT), code="PL420")
    assert "raise_foreign raised ValueError: row 7 has 3 fields" in found.error["summary"]
    file, line = found.error["at"].rsplit(":", 1)
    assert "raise ValueError" in Path(file).read_text().splitlines()[int(line) - 1]
    assert found.retryable
    assert found.traceback in log.read_text()


def test_a_child_that_exits_without_a_word(executor, request_for, tmp_path):
    response = executor.execute(request_for("end_at_once"), log_path=tmp_path / "log", preload=LIGHT)
    found = failure(response, "PL422")
    assert "ended with exit code 3" in found.error["summary"]
    assert "about to go" in found.error["facts"]["log"]
    assert re.fullmatch(r"\d+ MiB", found.error["facts"]["peak_memory"])


def test_a_crash_names_the_signal_and_shows_the_stack(executor, request_for, tmp_path):
    response = executor.execute(request_for("crash"), log_path=tmp_path / "log", preload=LIGHT)
    found = failure(response, "PL422")
    assert "was ended by SIGSEGV" in found.error["summary"]
    assert "executor_bodies.py" in found.error["facts"]["log"]


def test_a_time_out_says_where_the_body_was(executor, request_for, tmp_path):
    notes = tmp_path / "notes"
    response = executor.execute(
        request_for("sleep", notes=str(notes)), log_path=tmp_path / "log", preload=LIGHT, timeout_seconds=1.0
    )
    found = failure(response, "PL423")
    assert "ran longer than 1 s" in found.error["summary"]
    assert "executor_bodies.py" in found.error["at"]
    assert notes.with_suffix(".tidied").exists()
    wait_until(lambda: all(is_gone(pid) for pid in pids_in(notes)))


def test_a_child_that_ignores_sigterm_is_killed(executor, request_for, tmp_path):
    notes = tmp_path / "notes"
    began = time.monotonic()
    response = executor.execute(
        request_for("sleep_stubbornly", notes=str(notes)),
        log_path=tmp_path / "log",
        preload=LIGHT,
        timeout_seconds=0.7,
    )
    failure(response, "PL423")
    assert time.monotonic() - began < 100
    wait_until(lambda: all(is_gone(pid) for pid in pids_in(notes)))


def test_cancel_stops_the_whole_group(executor, request_for, tmp_path):
    notes = tmp_path / "notes"
    running = InBackground(
        executor, request_for("sleep", notes=str(notes)), log_path=tmp_path / "log", preload=LIGHT
    )
    pids = pids_in(notes)
    running.cancel.set()
    found = failure(running.wait(), "PL424")
    assert not found.retryable
    assert notes.with_suffix(".tidied").exists()
    wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_a_cancel_before_the_start_starts_nothing(warm, request_for, tmp_path, host_settings):
    canceled = threading.Event()
    canceled.set()
    response = warm.execute(request_for("write"), log_path=tmp_path / "log", cancel=canceled)
    failure(response, "PL424")
    assert running_hosts(host_settings) == []


def test_processes_left_behind_end_with_the_child(executor, request_for, tmp_path):
    notes = tmp_path / "notes"
    response = executor.execute(
        request_for("leave_process_behind", notes=str(notes)), log_path=tmp_path / "log", preload=LIGHT
    )
    assert response.failure is None
    wait_until(lambda: all(is_gone(pid) for pid in pids_in(notes)))


def test_much_output_does_not_block(executor, request_for, tmp_path):
    log = tmp_path / "log"
    response = executor.execute(request_for("print_much", lines=20_000), log_path=log, preload=LIGHT)
    assert response.failure is None
    assert log.stat().st_size == 20_000 * 1024


@pytest.mark.parametrize("mode", ["warm", "cold"])
def test_kill_9_of_the_launcher_kills_the_childs_group(mode, request_for, tmp_path, host_settings):
    notes = tmp_path / "notes"
    request = tmp_path / "request.json"
    request.write_text(request_for("sleep", notes=str(notes)).model_dump_json())
    launcher = subprocess.Popen(
        [sys.executable, HERE / "lone_launcher.py", mode, host_settings.directory, request, tmp_path / "log"]
    )
    pids = pids_in(notes)
    launcher.kill()
    launcher.wait()
    wait_until(lambda: all(is_gone(pid) for pid in pids))


def test_kill_9_of_the_host_kills_its_children(warm, request_for, tmp_path, host_settings):
    notes = tmp_path / "notes"
    running = InBackground(
        warm, request_for("sleep", notes=str(notes)), log_path=tmp_path / "log", preload=LIGHT
    )
    child, _ = pids_in(notes)
    other = psutil.Process(child).children()
    os.kill(running_hosts(host_settings)[0][1].pid, signal.SIGKILL)
    found = failure(running.wait(), "PL422")
    assert "lost with its executor host" in found.error["summary"]
    assert found.retryable
    wait_until(lambda: is_gone(child))
    for process in other:  # of the child's group, but the one who could have signalled it is dead
        process.kill()


def test_after_the_host_was_killed_the_next_execution_starts_another(
    warm, request_for, tmp_path, host_settings
):
    warm.execute(request_for("write"), log_path=tmp_path / "log", preload=LIGHT)
    ((_, before),) = running_hosts(host_settings)
    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: is_gone(before.pid))
    assert any(host_settings.directory.glob("*.sock")), "it had no chance to take its socket away"
    assert warm.execute(request_for("write"), log_path=tmp_path / "log", preload=LIGHT).failure is None
    ((_, after),) = running_hosts(host_settings)
    assert after.pid != before.pid


def test_four_at_once(executor, request_for, tmp_path):
    def one(number):
        request = request_for("write", name=number)
        return executor.execute(request, log_path=tmp_path / f"log{number}", preload=LIGHT)

    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(one, range(8)))
    assert all(response.failure is None for response in responses)
    assert {tmp_path.joinpath(f"log{n}").read_text() for n in range(8)} == {
        f"hello from {n}\n" for n in range(8)
    }


def test_many_executions_leave_nothing_behind(warm, request_for, tmp_path, host_settings, monkeypatch):
    """No file, process or memory: 50 executions here, 500 in `make chaos`."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def execute():
        assert warm.execute(request_for("write"), log_path=tmp_path / "log", preload=LIGHT).failure is None

    def descriptors():
        return sorted(path.name for path in Path("/proc/self/fd").iterdir())

    for _ in range(10):
        execute()
    host = psutil.Process(running_hosts(host_settings)[0][1].pid)
    before, of_host, files = descriptors(), host.num_fds(), sorted(host_settings.directory.iterdir())
    memory, own_memory = host.memory_info().rss, psutil.Process().memory_info().rss
    for _ in range(EXECUTIONS):
        execute()
    assert descriptors() == before
    wait_until(lambda: host.children() == [])
    assert host.num_fds() <= of_host + 1
    assert host.num_threads() == 1
    assert host.memory_info().rss - memory < 2 << 20
    assert psutil.Process().memory_info().rss - own_memory < 8 << 20
    assert sorted(host_settings.directory.iterdir()) == files
    assert list(temporary.iterdir()) == []
    ((_, status),) = running_hosts(host_settings)
    assert status.served == 10 + EXECUTIONS


def test_a_body_without_memory_is_told_so(executor, request_for, tmp_path):
    response = executor.execute(
        request_for("eat", most_bytes=64 << 20), log_path=tmp_path / "log", preload=LIGHT
    )
    found = failure(response, "PL420")
    assert "raised MemoryError" in found.error["summary"]
    assert found.error["fix"].startswith("give it more memory, or less to do")
    assert executor.execute(request_for("write"), log_path=tmp_path / "log").failure is None


@pytest.fixture
def small_group():
    """A control group whose processes may have 256 MiB; the kernel kills what takes more."""
    group = _limited(Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes") or _limited(
        Path("/sys/fs/cgroup"), "memory.max"
    )
    if group is None:
        pytest.skip("no control group with a limit of memory can be made here")
    yield group
    wait_until(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()


def _limited(parent, limit):
    group = parent / f"pipeline-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        (group / limit).write_text(str(256 << 20))
    except OSError:
        group.rmdir()
        return None
    return group


def test_a_body_that_the_kernel_kills_for_its_memory(executor, request_for, tmp_path, small_group):
    response = executor.execute(
        request_for("eat_until_killed", group=str(small_group)), log_path=tmp_path / "log", preload=LIGHT
    )
    found = failure(response, "PL422")
    assert found.error["summary"].endswith("was ended by SIGKILL: the kernel ran out of memory")
    assert found.error["fix"].startswith("give it more memory, or less to do")
    assert int(found.error["facts"]["peak_memory"].removesuffix(" MiB")) > 100
    assert executor.execute(request_for("write"), log_path=tmp_path / "log").failure is None


def test_an_upgraded_distribution_gets_another_host(request_for, tmp_path, host_settings, monkeypatch):
    """Installed while the host is warm: it has the old one in memory."""
    site = tmp_path / "site"
    (site / "gadget-1.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(site))

    def execute():
        executor = Executor(host=host_settings)
        assert (
            executor.execute(request_for("write"), log_path=tmp_path / "log", preload=LIGHT).failure is None
        )
        return {status.pid for _, status in running_hosts(host_settings)}

    (before,) = execute()
    assert execute() == {before}
    (site / "gadget-1.0.dist-info").rename(site / "gadget-1.1.dist-info")
    assert before not in execute() or wait_until(lambda: is_gone(before)) is None
    assert len(execute()) == 1


def test_a_light_component_does_not_wait_for_heavy_imports(warm, request_for, tmp_path, monkeypatch):
    slow = tmp_path / "modules"
    slow.mkdir()
    (slow / "slow_to_import.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(slow))
    warm.warm_up(["slow_to_import"])
    began = time.monotonic()
    assert warm.execute(request_for("write"), log_path=tmp_path / "log").failure is None
    assert time.monotonic() - began < 20


def test_a_host_that_refuses_is_done_without(warm, request_for, tmp_path, monkeypatch, host_settings):
    modules = tmp_path / "modules"
    modules.mkdir()
    start = "threading.Thread(target=time.sleep, args=(99,), daemon=True).start()"
    text = f"import threading, time\nfor _ in range(99): {start}"
    (modules / "many_threads.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    log = tmp_path / "log"
    response = warm.execute(request_for("write"), log_path=log, preload=("many_threads",))
    assert response.failure is None
    assert re.match(r"executed in a fresh process: the host has \d+ threads", log.read_text())


def test_an_environment_of_its_own(warm, request_for, tmp_path, host_settings):
    executor = Executor(host=host_settings, environments={"other": Path(sys.executable)})
    request = request_for("write").model_copy(update={"environment": "other"})
    assert executor.execute(request, log_path=tmp_path / "log", preload=LIGHT).failure is None
    assert running_hosts(host_settings) == []
    lost = request.model_copy(update={"environment": "elsewhere"})
    found = failure(executor.execute(lost, log_path=tmp_path / "log"), "PL426")
    assert found.error["facts"]["known"] == "other"


def test_an_interpreter_without_the_library(request_for, tmp_path, host_settings):
    shell = tmp_path / "python"
    shell.write_text("#!/bin/sh\necho no module named pipeline_lib >&2\nexit 1\n")
    shell.chmod(0o755)
    executor = Executor(host=host_settings, environments={"bare": shell})
    request = request_for("write").model_copy(update={"environment": "bare"})
    found = failure(executor.execute(request, log_path=tmp_path / "log"), "PL425")
    assert "no module named pipeline_lib" in found.error["facts"]["log"]


def test_nothing_of_an_execution_stays_among_temporary_files(executor, request_for, tmp_path, monkeypatch):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    executor.execute(request_for("write"), log_path=tmp_path / "log", preload=LIGHT)
    executor.execute(request_for("end_at_once"), log_path=tmp_path / "log", preload=LIGHT)
    assert list(temporary.iterdir()) == []
