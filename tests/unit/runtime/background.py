"""Executions in threads, and what their processes wrote down of themselves."""

import threading
from pathlib import Path
from typing import Any

import psutil

from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.host.protocol import Status
from pipeline_lib.runtime.host.starting import running_hosts
from pipeline_lib.runtime.messages import Request, Response
from pipeline_lib.settings import HostSettings
from waiting import wait_until


class InBackground:
    """An execution in a thread, as the local runner has them."""

    def __init__(self, executor: Executor, request: Request, **options: Any) -> None:
        self.cancel = threading.Event()
        self.response: Response | None = None
        self._thread = threading.Thread(target=self._work, args=(executor, request, options))
        self._thread.start()

    def _work(self, executor: Executor, request: Request, options: dict[str, Any]) -> None:
        self.response = executor.execute(request, cancel=self.cancel, **options)

    def wait(self) -> Response:
        self._thread.join(30)
        assert self.response is not None
        return self.response


def pids_in(notes: Path) -> list[int]:
    """The process ids a body wrote down, as soon as it did."""
    wait_until(notes.exists)
    return [int(word) for word in notes.read_text().split()]


def is_gone(pid: int) -> bool:
    """Whether that process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def only_status(settings: HostSettings) -> Status:
    """The status of the one host there is."""
    ((_, status),) = running_hosts(settings)
    return status
