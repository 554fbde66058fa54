# ruff: noqa: B008  defaults as authors write them
"""Artifacts and components that the DSL's tests wire together; their bodies matter only in test_execution."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, Field

from pipeline_lib import (
    Artifact,
    Examples,
    History,
    Model,
    ModelBlessing,
    PushedModel,
    UserModule,
    component,
    for_each,
    later,
    pipeline,
    resolver,
    when,
)
from pipeline_lib.plan.models import Plan


class KerasModel(Model):
    accuracy: float = 0.0
    framework: str = "keras"
    trained_on: date | None = None
    scores: dict[str, float] = later()


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True)
class Tuning:
    lr: float = 0.1
    size: Size = Size.SMALL


class Limits(BaseModel):
    auc: float = 0.5


class Trained(NamedTuple):
    model: KerasModel
    evaluation: Model


class Shards(NamedTuple):
    parts: list[Examples]
    rejected: Examples | None


class Verdict(NamedTuple):
    blessing: ModelBlessing
    report: Model


@component
def ingest(*, span: date | None = None, source: str = "data") -> Examples:
    """Read a day."""
    return Examples.new(split_names=[source], rows={"train": span.day if span else 0})


@component
def shard(examples: Examples) -> Shards:
    return Shards([examples], None)


@component
def train(
    examples: Examples,
    *,
    steps: Annotated[int, Field(ge=1)] = 100,
    region: str = "EWR",
    tuning: Tuning = Tuning(),
    module: UserModule | None = None,
    rates: dict[str, float] | None = None,
    mode: Literal["fast", "slow"] = "fast",
) -> Trained:
    return Trained(KerasModel.new(accuracy=tuning.lr, scores={region: steps}), Model.new())


@component
def ensemble(models: Sequence[Model]) -> KerasModel:
    return KerasModel.new(scores={"models": len(models)})


@component(output="blessing")
def judge(model: Model, baseline: Model | None = None) -> ModelBlessing:
    return ModelBlessing.new(blessed=baseline is None, outcome="blessed", current_model=model.uri)


@component
def push(model: Model, *, limits: Limits = Limits()) -> PushedModel:
    return PushedModel.new(pushed=True)


@component
def notify(text: str, model: Model | None = None) -> None:
    del text, model


A = TypeVar("A", bound=Artifact)


@resolver
def best(history: History, kind: type[A], *, minimum: float = 0.0) -> A | None:
    found = [a for a in history.artifacts(kind) if a.property_values().get("accuracy", 0) >= minimum]
    return found[0] if found else None


def compiled(body: Callable[..., Any], **options: Any) -> Plan:
    """The plan of a pipeline function."""
    return pipeline(name="test", **options)(body).compile()


def sample(n: int = 3, regions: tuple[str, ...] = ("EWR",)) -> None:
    """A pipeline with a condition and a loop."""
    model = train(ingest(), steps=n).model
    verdict = judge(model)
    with when(verdict.blessed):
        push(model)
    for part in for_each(shard(ingest()).parts):
        train(part)
