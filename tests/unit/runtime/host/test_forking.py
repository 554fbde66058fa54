import os
import random
import signal
import types

import pytest

from pipeline_lib.runtime.host.forking import _reseed, fork_child
from pipeline_lib.runtime.host.protocol import ExecuteOrder


@pytest.fixture
def order(request_for, tmp_path):
    (tmp_path / "request.json").write_text(request_for("environment").model_dump_json())
    return ExecuteOrder(
        request=str(tmp_path / "request.json"),
        response=str(tmp_path / "response.json"),
        log=str(tmp_path / "log"),
        progress=str(tmp_path / "progress"),
        scratch=str(tmp_path),
        environ={"ONLY_NOW": "client", "FROM_REQUEST": "client"},
        directory="/",
    )


@pytest.fixture
def pipe():
    """Both ends of what a child says farewell into."""
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


@pytest.fixture
def fork(order, pipe):
    def forked(*, close=(), kept=None):
        return fork_child(order, close=close, kept=kept or {}, farewell=pipe[1])

    return forked


def end_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def said(pipe):
    os.set_blocking(pipe[0], False)
    try:
        return os.read(pipe[0], 9)
    except BlockingIOError:
        return b""


def test_a_child_has_the_clients_variables_and_what_imports_set(fork, tmp_path):
    pid = fork(kept={"FROM_REQUEST": "kept"})
    assert end_of(pid) == 0
    (made,) = (tmp_path / "staging").iterdir()
    text = (made / "environment.txt").read_text()
    assert "ONLY_NOW=client" in text
    assert "FROM_REQUEST=kept" in text


def test_a_child_does_not_hold_the_hosts_descriptors(fork):
    read, write = os.pipe()
    pid = fork(close=[write])
    os.close(write)
    assert os.read(read, 1) == b"", "the writing end is closed everywhere, while the child still runs"
    os.close(read)
    assert end_of(pid) == 0


def test_a_request_that_cannot_be_read_ends_with_a_code(fork, pipe, tmp_path):
    (tmp_path / "request.json").unlink()
    assert end_of(fork()) == 70
    assert "request.json" in (tmp_path / "log").read_text()
    assert said(pipe) == b""


def test_a_child_says_farewell_when_its_response_is_there(fork, pipe, tmp_path):
    pid = fork()
    assert os.read(pipe[0], 9) == b"."
    assert (tmp_path / "response.json").is_file()
    assert end_of(pid) == 0


@pytest.mark.parametrize("body", ["leave_thread_behind", "take_all_pipes"])
def test_a_child_in_which_something_may_yet_happen_says_no_farewell(fork, pipe, body, request_for, tmp_path):
    request = request_for(body, folder=str(tmp_path))
    (tmp_path / "request.json").write_text(request.model_dump_json())
    assert end_of(fork()) == 0
    assert (tmp_path / "response.json").is_file()
    assert said(pipe) == b""
    assert {file.stat().st_size for file in tmp_path.glob("own-*")} <= {0}


def test_the_hosts_signals_are_open_again(fork):
    end_of(fork())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_numpy_is_seeded_anew():
    generator = random.Random(1)
    first = generator.random()
    generator.seed(1)
    _reseed({"numpy": types.SimpleNamespace(random=generator)})
    assert generator.random() != first
    _reseed({})
