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


def end_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_has_the_clients_variables_and_what_imports_set(order, tmp_path):
    pid = fork_child(order, close=(), kept={"FROM_REQUEST": "kept"})
    assert end_of(pid) == 0
    (made,) = (tmp_path / "staging").iterdir()
    text = (made / "environment.txt").read_text()
    assert "ONLY_NOW=client" in text
    assert "FROM_REQUEST=kept" in text


def test_a_child_does_not_hold_the_hosts_descriptors(order, tmp_path):
    read, write = os.pipe()
    pid = fork_child(order, close=[write], kept={})
    os.close(write)
    assert os.read(read, 1) == b"", "the writing end is closed everywhere, while the child still runs"
    os.close(read)
    assert end_of(pid) == 0


def test_a_request_that_cannot_be_read_ends_with_a_code(order, tmp_path):
    (tmp_path / "request.json").unlink()
    assert end_of(fork_child(order, close=(), kept={})) == 70
    assert "request.json" in (tmp_path / "log").read_text()


def test_the_hosts_signals_are_open_again(order):
    end_of(fork_child(order, close=(), kept={}))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_numpy_is_seeded_anew():
    generator = random.Random(1)
    first = generator.random()
    generator.seed(1)
    _reseed({"numpy": types.SimpleNamespace(random=generator)})
    assert generator.random() != first
    _reseed({})
