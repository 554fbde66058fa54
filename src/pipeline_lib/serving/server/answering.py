"""What both interfaces share: the models, and how a request is counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Status
from pipeline_lib.serving.server.servable import Servable

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """How far a request has come.

    Attributes:
        version: That answers it; None as long as none is found.
        ran: Seconds in TensorFlow; None if it did not come so far.
    """

    started: float = field(default_factory=time.perf_counter)
    version: int | None = None
    ran: float | None = None

    def timed(self, run: Callable[..., T], *given: Any) -> T:
        """Run, and keep how long it took."""
        began = time.perf_counter()
        found = run(*given)
        self.ran = time.perf_counter() - began
        return found


@dataclass(frozen=True, slots=True)
class Answering:
    """The models of a server, and its counters."""

    manager: ModelManager[Servable]
    metrics: Metrics

    def count(self, model: str, call: Call, *, status: Status | None, api: str, entrypoint: str) -> None:
        """Count a request that has ended; one for a model that is not served goes without its name."""
        unknown = call.version is None and status is not None and not self.manager.serves(model)
        self.metrics.answered(
            "" if unknown else model,
            status=status.name if status else "OK",
            api=api,
            entrypoint=entrypoint,
            seconds=time.perf_counter() - call.started,
            version=call.version,
            ran=call.ran,
        )
