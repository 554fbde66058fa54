"""A try's claim to be alive, renewed in the store: for those who cannot see its process.

On one machine a look at the process tells whether a try lives. On another only the store does: the claim
runs out when nobody renews it. Whoever gives a try up marks it there; the try then cannot publish, and stops
as soon as it comes to renew its claim.
"""

import socket
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline_lib.errors import DeclaredDeadError, MetadataUnavailableError
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.metadata.store import Store

LEASE = timedelta(seconds=60)
RENEW_SECONDS = 15.0
# By this much the clocks of two machines may differ.
_CLOCKS = timedelta(seconds=60)
_UNTIL = "lease_until"
_NAMESPACE = Path("/proc/self/ns/pid")


class Lease(threading.Event):
    """Claims a try while the context is open; set when the try must stop.

    Args:
        store: Where the try is recorded as running.
        execution_id: The try.
        cancel: Set from elsewhere to stop it; counts like being set here.
        renew_seconds: Between two renewals; by default `RENEW_SECONDS`.
    """

    def __init__(
        self,
        store: Store,
        execution_id: int,
        *,
        cancel: threading.Event,
        renew_seconds: float | None = None,
    ) -> None:
        super().__init__()
        self._store, self._execution_id, self._cancel = store, execution_id, cancel
        self._renew_seconds = RENEW_SECONDS if renew_seconds is None else renew_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{execution_id}", daemon=True)

    def is_set(self) -> bool:
        """Whether the try must stop: it was canceled, or given up by somebody."""
        return self._cancel.is_set() or super().is_set()

    def require(self, key: NodeKey) -> None:
        """Go no further with a try that somebody has given up.

        Raises:
            DeclaredDeadError: It was given up.
        """
        if super().is_set():
            raise DeclaredDeadError(
                f"{key} of run {key.run_id} was given up while it ran: another try has taken its place",
                at=f"execution {self._execution_id}",
                fix="see that try; if there is none, run again",
            )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._ended.wait(self._renew_seconds):
            try:
                kept = self._store.renew(self._execution_id, lease_facts())
            except MetadataUnavailableError:
                continue  # while the store is away nobody can give the try up, either
            if not kept and not self._ended.is_set():
                self.set()
                return


def lease_facts() -> dict[str, str]:
    """What a try records when it starts, and again with each renewal."""
    return {_UNTIL: (datetime.now(UTC) + LEASE).isoformat(timespec="seconds")}


def last_sign_of_life(facts: Mapping[str, Any]) -> str:
    """Changes whenever the claim is renewed; says nothing else, for clocks differ."""
    return str(facts.get(_UNTIL, ""))


def has_run_out(facts: Mapping[str, Any]) -> bool:
    """Whether the claim is older than clocks can differ; without one nobody can tell, and it has not."""
    until = facts.get(_UNTIL)
    return until is not None and datetime.fromisoformat(until) + _CLOCKS < datetime.now(UTC)


def machine_facts() -> dict[str, str]:
    """What tells whether a process id means the same process here: the host, and its world of process ids.

    Containers may share a host name, and a container that is started anew keeps it.
    """
    try:
        namespace = str(_NAMESPACE.readlink())
    except OSError:
        namespace = ""
    return {"host": socket.gethostname(), "pid_namespace": namespace}


def is_this_machine(facts: Mapping[str, Any]) -> bool:
    """Whether these facts were recorded where this process runs."""
    here = machine_facts()
    return all(facts.get(name, here[name]) == here[name] for name in ("host", "pid_namespace")) and (
        "host" in facts
    )
