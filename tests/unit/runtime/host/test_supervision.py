import os
import time

import pytest

from pipeline_lib.runtime.host.protocol import ExecuteOrder
from pipeline_lib.runtime.host.supervision import Children
from unit.runtime.background import is_gone, pids_in
from waiting import wait_until


@pytest.fixture
def start(request_for, tmp_path):
    """Starts a body as a child of this process; what is left of it is stopped with the test."""
    watched = set()
    children = Children(watched.add, watched.remove)

    def begin(body, *, timeout=None, **parameters):
        (tmp_path / "request.json").write_text(request_for(body, **parameters).model_dump_json())
        order = ExecuteOrder(
            request=str(tmp_path / "request.json"),
            response=str(tmp_path / "response.json"),
            log=str(tmp_path / "log"),
            progress=str(tmp_path / "progress"),
            scratch=str(tmp_path),
            timeout_seconds=timeout,
            grace_seconds=0.3,
            environ=dict(os.environ),
            directory="/",
            label=body,
        )
        ends = []
        pid = children.start(order, close=(), kept={"KEPT": "1"}, ended=ends.append)
        return children, pid, ends

    yield begin
    children.stop_all("host stopped")
    run_until(children, lambda: len(children) == 0)
    assert watched == set()


def run_until(children, holds, patience=60.0):
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline
        children.tick()
        time.sleep(0.01)


def test_a_child_is_reaped_once(start):
    children, pid, ends = start("write")
    assert [child.pid for child in children.status()] == [pid]
    run_until(children, lambda: len(children) == 0)
    children.tick()
    assert [end.exit_code for end in ends] == [0]
    assert children.served == 1
    assert is_gone(pid)


def test_the_end_is_told_while_the_kernel_frees_the_memory(start, monkeypatch, tmp_path):
    children, pid, ends = start("write")
    with monkeypatch.context() as kernel:
        kernel.setattr("os.waitid", lambda *_: None)  # as if it took long
        run_until(children, lambda: ends)
        assert len(children) == 1
        assert children.status() == ()
        assert children.next_deadline() is None
        assert children.leaving
        kernel.setattr("pipeline_lib.runtime.host.supervision._LEAVING_SECONDS", 0.0)
        assert not children.leaving, "one that stays for ever is not waited for"
        children.stop(pid, "client lost")
    run_until(children, lambda: len(children) == 0)
    assert not children.leaving
    assert [(end.exit_code, end.stopped) for end in ends] == [(0, None)]
    assert (tmp_path / "response.json").is_file()


def test_what_a_child_leaves_running_is_gone_when_its_end_is_told(start, tmp_path):
    children, _, ends = start("leave_process_behind", notes=str(tmp_path / "notes"))
    run_until(children, lambda: ends)
    _, other = pids_in(tmp_path / "notes")
    wait_until(lambda: is_gone(other))


def test_a_body_that_closes_the_pipe_is_waited_for_without_turning_in_circles(start, tmp_path):
    children, _, ends = start("take_all_pipes", folder=str(tmp_path))
    run_until(children, lambda: ends)
    assert len(children) == 0
    assert [end.exit_code for end in ends] == [0]


def test_the_next_deadline_is_the_time_out_and_then_the_kill(start, tmp_path):
    children, _, ends = start("sleep_stubbornly", timeout=30, notes=str(tmp_path / "notes"))
    first = children.next_deadline()
    assert first is not None
    assert 25 < first - time.monotonic() <= 30
    pids = pids_in(tmp_path / "notes")
    children.stop(pids[0], "cancel")
    second = children.next_deadline()
    assert second is not None
    assert second - time.monotonic() <= 0.3
    run_until(children, lambda: ends)
    assert ends[0].signal == 9
    assert ends[0].stopped == "cancel"
    wait_until(lambda: all(is_gone(one) for one in pids))


def test_the_first_reason_to_stop_counts(start, tmp_path):
    children, pid, ends = start("sleep", notes=str(tmp_path / "notes"))
    pids_in(tmp_path / "notes")
    children.stop(pid, "cancel")
    children.stop(pid, "timeout")
    children.stop(pid + 100_000, "timeout")
    run_until(children, lambda: ends)
    assert ends[0].stopped == "cancel"


def test_the_scratch_of_a_lost_client_is_removed(start, tmp_path, monkeypatch):
    removed = []
    monkeypatch.setattr("shutil.rmtree", lambda path, **_: removed.append(path))
    children, pid, _ = start("sleep", notes=str(tmp_path / "notes"))
    pids_in(tmp_path / "notes")
    children.stop(pid, "client lost")
    run_until(children, lambda: len(children) == 0)
    assert removed == [str(tmp_path)]
