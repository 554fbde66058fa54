"""The host's children: started, watched, stopped with everything they started, reaped."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipeline_lib.runtime.host.forking import fork_child
from pipeline_lib.runtime.host.protocol import ExecuteOrder, ExitStatus, RunningChild
from pipeline_lib.runtime.processes import out_of_memory_kills, signal_group

if TYPE_CHECKING:
    from resource import struct_rusage

_LEAVING_SECONDS = 5.0

Reason = Literal["timeout", "cancel", "client lost", "host stopped"]


@dataclass(slots=True, kw_only=True)
class _Child:
    pid: int
    end: int  # a pidfd
    farewell: int | None  # a pipe; None once it is read or of no more use
    order: ExecuteOrder
    ended: Callable[[ExitStatus], None]
    oom_before: int
    started: float = field(default_factory=time.monotonic)
    stopped: Reason | None = None
    kill_at: float | None = None
    reported: float | None = None  # when, in monotonic seconds

    @property
    def deadline(self) -> float | None:
        """When the next thing is due for it, in monotonic seconds."""
        if self.reported is not None:
            return None
        if self.kill_at is not None:
            return self.kill_at
        if self.stopped is None and self.order.timeout_seconds is not None:
            return self.started + self.order.timeout_seconds
        return None


class Children:
    """All children of the host that have not been reaped.

    Args:
        watch: Has `tick` called when a descriptor can be read.
        unwatch: Ends that; called before the descriptor is closed.
    """

    def __init__(self, watch: Callable[[int], None], unwatch: Callable[[int], object]) -> None:
        self._by_pid: dict[int, _Child] = {}
        self._watch, self._unwatch = watch, unwatch
        self.served = 0

    def __len__(self) -> int:
        return len(self._by_pid)

    @property
    def leaving(self) -> bool:
        """Whether the kernel still takes back what a child had whose end was told: memory, a GPU, a port.

        A child that it does not get rid of within seconds is not waited for.
        """
        now = time.monotonic()
        told = [child.reported for child in self._by_pid.values() if child.reported is not None]
        return any(now - moment < _LEAVING_SECONDS for moment in told)

    def start(
        self,
        order: ExecuteOrder,
        *,
        close: Iterable[int],
        kept: Mapping[str, str],
        ended: Callable[[ExitStatus], None],
    ) -> int:
        """Fork a child for an order.

        Args:
            order: What to execute.
            close: The host's file descriptors, closed in the child.
            kept: Environment variables that win over the client's.
            ended: Called once, when nothing of the child runs any more.

        Returns:
            Its process id.

        Raises:
            OSError: The system has no memory, process or descriptor left.
        """
        oom_before = out_of_memory_kills()
        others = [number for child in self._by_pid.values() for number in (child.end, child.farewell)]
        farewell, theirs = os.pipe()
        try:
            os.set_blocking(farewell, False)
            inherited = [*close, *(number for number in others if number is not None), farewell]
            pid = fork_child(order, close=inherited, kept=kept, farewell=theirs)
            try:
                end = os.pidfd_open(pid)
            except OSError:
                signal_group(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise
        except OSError:
            os.close(farewell)
            raise
        finally:
            os.close(theirs)
        self._by_pid[pid] = _Child(
            pid=pid, end=end, farewell=farewell, order=order, ended=ended, oom_before=oom_before
        )
        self._watch(end)
        self._watch(farewell)
        self.served += 1
        return pid

    def stop(self, pid: int, reason: Reason) -> None:
        """Ask a child and its group to end (SIGTERM), and see to it after its grace (SIGKILL)."""
        child = self._by_pid.get(pid)
        if child is None or child.reported is not None or child.stopped is not None:
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
        """Stop what is over its time, kill what did not stop, report and reap what has ended."""
        now = time.monotonic()
        for child in list(self._by_pid.values()):
            if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                self._reap(child)
            elif self._has_said_farewell(child):
                self._report(child, 0)
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
            if child.reported is None
        )

    def _has_said_farewell(self, child: _Child) -> bool:
        if child.farewell is None:
            return False
        try:
            said = os.read(child.farewell, 1)
        except BlockingIOError:
            return False
        self._forget_farewell(child)
        return said != b""

    def _forget_farewell(self, child: _Child) -> None:
        if child.farewell is not None:
            self._unwatch(child.farewell)
            os.close(child.farewell)
            child.farewell = None

    def _reap(self, child: _Child) -> None:
        _kill_group(child.pid)  # while the leader is a zombie its number stays taken: this hits nobody else
        _, status, usage = os.wait4(child.pid, 0)
        self._forget_farewell(child)
        self._unwatch(child.end)
        os.close(child.end)
        del self._by_pid[child.pid]
        if child.stopped == "client lost":
            shutil.rmtree(child.order.scratch, ignore_errors=True)
        if child.reported is None:
            self._report(child, os.waitstatus_to_exitcode(status), usage)

    def _report(self, child: _Child, code: int, usage: "struct_rusage | None" = None) -> None:
        """Tell of a child's end; one that said farewell has written into its response what it used."""
        child.reported = time.monotonic()
        if usage is None:
            _kill_group(child.pid)
        child.ended(
            ExitStatus(
                exit_code=code if code >= 0 else None,
                signal=-code if code < 0 else None,
                stopped=child.stopped,
                wall_seconds=time.monotonic() - child.started,
                cpu_seconds=usage.ru_utime + usage.ru_stime if usage else 0.0,
                peak_memory_bytes=usage.ru_maxrss * 1024 if usage else 0,
                out_of_memory=out_of_memory_kills() > child.oom_before,
            )
        )


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
