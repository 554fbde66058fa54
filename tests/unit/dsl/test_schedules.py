"""Schedules on other pipelines' artifacts."""

from datetime import date
from typing import Any

import pytest

from pipeline_lib import OnArtifact, Pipeline, pipeline
from pipeline_lib.errors import DeclarationError
from pipeline_lib.plan.models import ArtifactTrigger
from unit.dsl.parts import ingest


@pipeline(name="source-daily")
def daily(day: date) -> None:
    """Of days."""
    ingest.options(id="landed")()


@pipeline(name="source-plain")
def plain() -> None:
    """Of no span."""
    ingest()


def following(schedule: Any, *, dated: bool = True) -> Pipeline[..., None]:
    if dated:

        @pipeline(name="next", schedule=schedule)
        def of_days(day: date) -> None:
            ingest()

        return of_days

    @pipeline(name="next", schedule=schedule)
    def of_none() -> None:
        ingest()

    return of_none


def test_a_pipeline_is_checked_and_its_spans_are_read_off() -> None:
    plan = following(OnArtifact(daily, "landed", "examples")).compile()
    assert plan.triggers == (ArtifactTrigger(pipeline="source-daily", node="landed", port="examples"),)
    assert plan.schedule is None
    (trigger,) = following(OnArtifact(plain, "ingest", "examples"), dated=False).compile().triggers
    assert not trigger.spans


def test_a_name_is_taken_as_given() -> None:
    plan = following([OnArtifact("far-away", "make", "it"), OnArtifact("far-off", "make", "that")]).compile()
    assert [str(trigger) for trigger in plan.triggers] == ["far-away.make.it", "far-off.make.that"]


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        pytest.param(OnArtifact(daily, "landed", "model"), "makes no landed.model", id="port"),
        pytest.param(OnArtifact(daily, "ingest", "examples"), "makes no ingest.examples", id="node"),
        pytest.param(
            OnArtifact(plain, "ingest", "examples"), "runs per span, and .* is of none", id="no span"
        ),
        pytest.param([OnArtifact("a", "b", "c"), OnArtifact("d", "e", "f", False)], "only some", id="mixed"),
        pytest.param(["@daily"], "schedule cannot be '@daily'", id="text in a list"),
    ],
)
def test_what_cannot_start_a_run(schedule: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        following(schedule).compile()
