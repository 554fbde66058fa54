"""`OnArtifact`: run when another pipeline has made something new."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pipeline_lib.errors import DeclarationError

if TYPE_CHECKING:
    from pipeline_lib.dsl.pipeline import Pipeline
    from pipeline_lib.plan import models


@dataclass(frozen=True, slots=True)
class OnArtifact:
    """A schedule: run when that output of another pipeline is new; its span is the run's.

    `@pipeline(name="report", schedule=OnArtifact(flight_delays, "join_weather", "examples"))`. Of several in
    a list, all must be new.

    Attributes:
        pipeline: The other pipeline, or its name where it cannot be imported (and node, port and spans are
            then taken as they are given).
        node: Id of a node in it.
        port: The node's output.
        spans: Whether the other pipeline's runs are of spans. Read off it where it is not a name.
    """

    pipeline: "Pipeline[..., Any] | str"
    node: str
    port: str
    spans: bool = True


Schedule = str | OnArtifact | Sequence[OnArtifact] | None


def split_schedule(schedule: Schedule) -> tuple[str | None, tuple[OnArtifact, ...]]:
    """Cron text or preset, and artifacts; at most one of them is there."""
    if schedule is None or isinstance(schedule, str):
        return schedule, ()
    is_one = isinstance(schedule, OnArtifact) or not hasattr(schedule, "__iter__")
    # What is no trigger is refused when it is compiled, with its place.
    return None, (cast("OnArtifact", schedule),) if is_one else tuple(cast("Sequence[OnArtifact]", schedule))


def plan_triggers(
    triggers: Sequence[OnArtifact], *, pipeline: str, of_spans: bool, at: str
) -> "tuple[models.ArtifactTrigger, ...]":
    """The triggers as the plan keeps them; pipelines that are given as such are compiled to check them.

    Args:
        triggers: As declared.
        pipeline: Name of the one that they start.
        of_spans: Whether its runs are of spans.
        at: Where it is declared.

    Raises:
        DeclarationError: There is no such output, or spans that do not fit.
    """
    found = tuple(_trigger(trigger, pipeline, at) for trigger in triggers)
    if len({trigger.spans for trigger in found}) > 1:
        raise DeclarationError(
            f"pipeline {pipeline} waits for artifacts of which only some are of spans",
            got=", ".join(str(trigger) for trigger in found),
            at=at,
            fix="wait for those with spans, or for those without",
        )
    if of_spans and any(not trigger.spans for trigger in found):
        raise DeclarationError(
            f"pipeline {pipeline} runs per span, and {found[0]} is of none",
            at=at,
            fix="declare a span there, or span=None here",
        )
    return found


def _trigger(trigger: object, pipeline: str, at: str) -> "models.ArtifactTrigger":
    from pipeline_lib.plan import models

    if not isinstance(trigger, OnArtifact):
        raise DeclarationError(
            f"pipeline {pipeline}: schedule cannot be {trigger!r}",
            at=at,
            fix='use cron text, a preset, or OnArtifact(other_pipeline, "node", "port")',
        )
    if isinstance(trigger.pipeline, str):
        return models.ArtifactTrigger(
            pipeline=trigger.pipeline, node=trigger.node, port=trigger.port, spans=trigger.spans
        )
    other = trigger.pipeline.compile()
    ports = {node.id: tuple(node.outputs) for node in other.nodes if node.kind != "resolver"}
    if trigger.port not in ports.get(trigger.node, ()):
        known = [f"{node}.{port}" for node, outputs in ports.items() for port in outputs]
        raise DeclarationError(
            f"{other.name} makes no {trigger.node}.{trigger.port}",
            at=at,
            known=", ".join(known),
            fix="name a node and one of its outputs",
        )
    return models.ArtifactTrigger(
        pipeline=other.name, node=trigger.node, port=trigger.port, spans=other.span_parameter is not None
    )
