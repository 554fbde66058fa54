"""The host's children: started, watched, stopped with everything they started, reaped."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipeline_lib.runtime.host.forking import fork_child
from pipeline_lib.runtime.host.protocol import ExecuteOrder, ExitStatus, RunningChild
from pipeline_lib.runtime.processes import out_of_memory_kills, signal_group

Reason = Literal["timeout", "cancel", "client lost", "host stopped"]


@dataclass(slots=True, kw_only=True)
class _Child:
    pid: int
    watch: int
    order: ExecuteOrder
    ended: Callable[[ExitStatus], None]
    oom_before: int
    started: float = field(default_factory=time.monotonic)
    stopped: Reason | None = None
    kill_at: float | None = None

    @property
    def deadline(self) -> float | None:
        """When the next thing is due for it, in monotonic seconds."""
        if self.kill_at is not None:
            return self.kill_at
        if self.stopped is None and self.order.timeout_seconds is not None:
            return self.started + self.order.timeout_seconds
        return None


class Children:
    """All children of the host that have not been reaped."""

    def __init__(self) -> None:
        self._by_pid: dict[int, _Child] = {}
        self.served = 0

    def __len__(self) -> int:
        return len(self._by_pid)

    def start(
        self,
        order: ExecuteOrder,
        *,
        close: Iterable[int],
        kept: Mapping[str, str],
        ended: Callable[[ExitStatus], None],
    ) -> tuple[int, int]:
        """Fork a child for an order.

        Args:
            order: What to execute.
            close: The host's file descriptors, closed in the child.
            kept: Environment variables that win over the client's.
            ended: Called once, when the child is reaped.

        Returns:
            Its process id, and a descriptor that becomes readable when it ends.

        Raises:
            OSError: The system has no memory, process or descriptor left.
        """
        oom_before = out_of_memory_kills()
        watches = [child.watch for child in self._by_pid.values()]
        pid = fork_child(order, close=[*close, *watches], kept=kept)
        try:
            watch = os.pidfd_open(pid)
        except OSError:
            signal_group(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self._by_pid[pid] = _Child(pid=pid, watch=watch, order=order, ended=ended, oom_before=oom_before)
        self.served += 1
        return pid, watch

    def stop(self, pid: int, reason: Reason) -> None:
        """Ask a child and its group to end (SIGTERM), and see to it after its grace (SIGKILL)."""
        child = self._by_pid.get(pid)
        if child is None or child.stopped is not None:
            return
        child.stopped = reason
        child.kill_at = time.monotonic() + child.order.grace_seconds
        signal_group(pid, signal.SIGTERM)

    def stop_all(self, reason: Reason) -> None:
        """Ask all of them to end."""
        for pid in list(self._by_pid):
            self.stop(pid, reason)

    def next_deadline(self) -> float | None:
        """When `tick` must be called at the latest, in monotonic seconds."""
        return min((child.deadline for child in self._by_pid.values() if child.deadline), default=None)

    def tick(self) -> None:
        """Stop what is over its time, kill what did not stop, reap what has ended."""
        now = time.monotonic()
        for child in list(self._by_pid.values()):
            if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                self._reap(child)
            elif child.deadline is not None and now >= child.deadline:
                if child.kill_at is None:
                    self.stop(child.pid, "timeout")
                else:
                    child.kill_at = now + 1.0
                    signal_group(child.pid, signal.SIGKILL)

    def status(self) -> tuple[RunningChild, ...]:
        """The children, oldest first."""
        now = time.monotonic()
        return tuple(
            RunningChild(pid=child.pid, label=child.order.label, seconds=now - child.started)
            for child in self._by_pid.values()
        )

    def _reap(self, child: _Child) -> None:
        # While the leader is a zombie its number stays taken: this can hit nobody else's group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        _, status, usage = os.wait4(child.pid, 0)
        os.close(child.watch)
        del self._by_pid[child.pid]
        code = os.waitstatus_to_exitcode(status)
        if child.stopped == "client lost":
            shutil.rmtree(child.order.scratch, ignore_errors=True)
        child.ended(
            ExitStatus(
                exit_code=code if code >= 0 else None,
                signal=-code if code < 0 else None,
                stopped=child.stopped,
                wall_seconds=time.monotonic() - child.started,
                cpu_seconds=usage.ru_utime + usage.ru_stime,
                peak_memory_bytes=usage.ru_maxrss * 1024,
                out_of_memory=out_of_memory_kills() > child.oom_before,
            )
        )
