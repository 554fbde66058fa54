"""What Linux offers to keep processes from outliving those who want them."""

import contextlib
import ctypes
import os
import signal
import socket
import struct
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_START_TIME = 19  # the 22nd field of /proc/PID/stat, counted from the state


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; ends it now if the parent is gone.

    The kernel means the parent's *thread* that forked: fork from one that lives as long as the process.

    Args:
        parent: Process id the parent had before the fork.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def thread_count() -> int:
    """Threads of this process, those of C libraries included."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def birth_of(pid: int) -> str | None:
    """When a process was started, in the kernel's own count since this boot; None if there is none.

    The clock of the wall has no part in it: once it is set, or its machine wakes up, a living process would
    look like another one of the same number.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The name before the last parenthesis may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return f"{boot}/{fields[_START_TIME].decode()}"


def available_cpus() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def peer_uid(connection: socket.socket) -> int:
    """User id of the process at the other end of a Unix socket, as the kernel saw it connect."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(uid)


def is_same_user(uid: int) -> bool:
    """Whether that is the user this process works for; nobody else's code is forked, not even root's."""
    return uid == os.geteuid()


def signal_group(leader: int, number: signal.Signals) -> None:
    """Signal a child and everything in its process group.

    A child that has not yet come to making its group is signalled alone.
    """
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(leader, number)


def out_of_memory_kills() -> int:
    """How many processes the kernel has killed on this machine for lack of memory; 0 if it does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return 0


def peak_memory_bytes() -> int:
    """Largest resident set this process has had.

    `getrusage` would hand on the size of a process that started this one by vfork; `/proc` does not.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
