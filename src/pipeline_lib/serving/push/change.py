"""What a push, a rollback or a promotion made live."""

from dataclasses import dataclass
from typing import Any, Literal

from pipeline_lib.serving.base_path.ledger import STABLE

Action = Literal["push", "rollback", "promote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a change made live.

    Attributes:
        serving_target: The model's base path.
        changed: False if it was live already.
        golden_requests: How many answers of each server were compared.
        healed: What an earlier change had left and this one put right; "" if nothing.
        silent: Replicas that did not answer, and were left out.
    """

    action: Action
    serving_target: str
    model_name: str
    version: int
    previous_version: int | None
    live_at: str
    reason: str
    user: str
    label: str = STABLE
    changed: bool = True
    golden_requests: int = 0
    healed: str = ""
    silent: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """What is recorded on the execution."""
        names = ("serving_target", "model_name", "version", "label", "live_at", "reason", "user")
        told: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.previous_version is not None:
            told["previous_version"] = self.previous_version
        if self.golden_requests:
            told["golden_requests"] = self.golden_requests
        if self.silent:
            told["silent_replicas"] = list(self.silent)
        return told | ({"healed": self.healed} if self.healed else {})
