"""What both interfaces share: the models, and how a request is counted."""

from dataclasses import dataclass

from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Status
from pipeline_lib.serving.server.servable import Servable


@dataclass(frozen=True, slots=True)
class Answering:
    """The models of a server, and its counters."""

    manager: ModelManager[Servable]
    metrics: Metrics

    def count(
        self,
        model: str,
        *,
        status: Status | None,
        api: str,
        entrypoint: str,
        seconds: float,
        version: int | None,
    ) -> None:
        """Count a request; one for a model that is not served goes without the invented name."""
        self.metrics.answered(
            "" if version is None and status is not None and not self.manager.serves(model) else model,
            status=status.name if status else "OK",
            api=api,
            entrypoint=entrypoint,
            seconds=seconds,
            version=version,
        )
