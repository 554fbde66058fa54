import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from pipeline_lib.runtime.processes import (
    available_cpus,
    birth_of,
    is_same_user,
    out_of_memory_kills,
    peak_memory_bytes,
    peer_uid,
    signal_group,
    thread_count,
)
from unit.runtime.background import is_gone
from waiting import wait_until


def test_a_child_dies_with_its_parent():
    """The parent starts the child, tells its number, and is killed."""
    text = (
        "import os, time\n"
        "from pipeline_lib.runtime.processes import die_with_parent\n"
        "parent = os.getpid()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    die_with_parent(parent)\n"
        "    print(os.getpid(), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: is_gone(child))


def test_a_child_whose_parent_is_gone_already_dies():
    text = "from pipeline_lib.runtime.processes import die_with_parent; die_with_parent(parent=1)"
    child = subprocess.run([sys.executable, "-c", text], check=False)
    assert child.returncode == -signal.SIGKILL


def test_threads_are_counted():
    before = thread_count()
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    assert thread_count() == before + 1
    release.set()
    thread.join()


def test_the_peer_of_a_socket_is_known():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.geteuid()


@pytest.mark.parametrize(("uid", "same"), [(os.geteuid(), True), (os.geteuid() + 1, False)])
def test_only_the_same_user_is_served(uid, same):
    assert is_same_user(uid) is same


@pytest.mark.skipif(os.geteuid() == 0, reason="here root is the user itself")
def test_root_is_another_user():
    assert not is_same_user(0)


def test_a_group_is_signalled_as_a_whole():
    leader = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True
    )
    assert leader.stdout is not None
    other = int(leader.stdout.readline())
    signal_group(leader.pid, signal.SIGKILL)
    leader.wait()
    leader.stdout.close()
    wait_until(lambda: is_gone(other))


def test_a_process_without_a_group_of_its_own_is_signalled_alone():
    child = subprocess.Popen(["sleep", "60"])
    signal_group(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    signal_group(child.pid, signal.SIGKILL)


def test_facts_of_this_process():
    assert available_cpus() >= 1
    assert peak_memory_bytes() > 1 << 20
    assert out_of_memory_kills() >= 0


def test_a_birth_is_of_one_process():
    assert birth_of(os.getpid()) == birth_of(os.getpid()) != birth_of(os.getppid())
    assert birth_of(2**22 + 1) is None
