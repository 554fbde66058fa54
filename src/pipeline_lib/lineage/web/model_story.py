"""A model's explanation in the order in which people ask: what happened when, and how it was judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from pipeline_lib.lineage.models.explanation import Explanation
from pipeline_lib.lineage.models.verdicts import Approval, Evaluation, Judgement
from pipeline_lib.lineage.queries.graph import outputs_of
from pipeline_lib.lineage.queries.pushes import Push
from pipeline_lib.metadata.records import StoredExecution
from pipeline_lib.wording import span_text

# What the explanation shows among the files.
_OF_FILES = {"found", "located", "sha256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a model.

    Attributes:
        kind: A word that the style knows: `data`, `made`, `good`, `bad`, `live`, `past`.
        href: Of the page that has more, below the application's root; "" if there is none.
    """

    at: datetime
    kind: str
    title: str
    text: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMetrics:
    """The metrics behind the last judgement.

    Attributes:
        slices: Records as `ModelEvaluation.slice_metrics` describes them.
        names: Metrics that any slice has, sorted.
        left_out: Slices that the store had no room for.
        report: Id of the evaluation, whose report has all; None if it is not recorded.
    """

    slices: tuple[Mapping[str, Any], ...] = ()
    names: tuple[str, ...] = ()
    left_out: int = 0
    report: int | None = None

    @property
    def against_baseline(self) -> bool:
        """Whether any of them has the value of the model that it was held to."""
        return any(
            metric.get("baseline") is not None for one in self.slices for metric in one["metrics"].values()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A model in a list: its verdict, and the versions it was pushed as."""

    outcome: str = ""
    versions: tuple[str, ...] = ()


def story(found: Explanation) -> tuple[Event, ...]:
    """Data, training, verdicts, pushes and what replaced them, by time."""
    events = [*_data(found), *map(_judged, found.judgements), *filter(None, map(_approved, found.approvals))]
    for push in found.pushes:
        events += _pushed(push)
    events.append(
        Event(
            at=found.model.created_at,
            kind="made",
            title="Trained",
            text=f"by {found.model.node}, run {found.model.run_id}",
            href=f"/artifacts/{found.model.id}/lineage",
        )
    )
    return tuple(sorted(events, key=lambda event: event.at))


def judged_metrics(found: Explanation) -> JudgedMetrics:
    """Metrics per slice with their bounds, of the last evaluation."""
    if not found.evaluations:
        return JudgedMetrics()
    evaluation = found.evaluations[-1]
    slices = _slices(evaluation)
    return JudgedMetrics(
        slices=slices,
        names=tuple(sorted({name for one in slices for name in one["metrics"]})),
        left_out=evaluation.slices_left_out,
        report=evaluation.evaluation_id,
    )


def latest_parameters(found: Explanation) -> dict[str, Mapping[str, Any]]:
    """Parameters by node; of a node that was executed for each span, the latest."""
    latest = {str(execution.key): execution.parameters for execution in found.lineage.executions}
    return {
        node: {
            name: value
            for name, value in latest[node].items()
            if name not in _OF_FILES and value not in (None, "", [], {})
        }
        for node in sorted(latest)
    }


def told_of_models(users: Iterable[StoredExecution]) -> dict[int, Told]:
    """Verdict and pushed versions of each model that some executions used, by the model's id."""
    outcomes: dict[int, str] = {}
    versions: dict[int, list[str]] = {}
    for execution in users:
        made = outputs_of(execution)
        judged = {a.properties.get("current_model_id") for a in made if a.type_name == "ModelBlessing"}
        for model in [a for port in execution.inputs.values() for a in port if a.type_name == "Model"]:
            for artifact in made:
                if artifact.type_name == "ModelBlessing" and judged <= {None, model.id}:
                    outcomes[model.id] = str(artifact.properties.get("outcome") or "")
                if artifact.type_name == "PushedModel" and artifact.properties.get("pushed"):
                    version = str(artifact.properties.get("pushed_version") or "")
                    versions.setdefault(model.id, []).append(version)
    return {
        id_: Told(outcome=outcomes.get(id_, ""), versions=tuple(dict.fromkeys(versions.get(id_, ()))))
        for id_ in outcomes.keys() | versions.keys()
    }


def _data(found: Explanation) -> list[Event]:
    readers = {file.execution_id for file in found.files}
    times = [one.started_at for one in found.lineage.executions if one.id in readers]
    if not times:
        return []
    spans = [span_text(span) for span in found.spans]
    of = f" of {spans[0]} to {spans[-1]}" if len(spans) > 1 else f" of {spans[0]}" if spans else ""
    files = f"{len(found.files)} file{'s' if len(found.files) != 1 else ''}"
    return [Event(at=max(times), kind="data", title="Data read", text=f"{files}{of}", href="#data")]


def _judged(judgement: Judgement) -> Event:
    good = bool(judgement.blessed)
    reasons = "; ".join(str(reason.get("detail", "")) for reason in judgement.reasons or ())
    against = f"against model {judgement.baseline_id}" if judgement.baseline_id else "without a baseline"
    return Event(
        at=judgement.judged_at,
        kind="good" if good else "bad",
        title="Blessed" if good else "Not blessed",
        text=reasons or against,
        href="#verdict",
    )


def _approved(approval: Approval) -> Event | None:
    try:
        at = datetime.fromisoformat(approval.at)
    except ValueError:
        return None
    by = f" by {approval.by}" if approval.by else ""
    return Event(
        at=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
        kind="good" if approval.decision == "approved" else "bad",
        title=f"{approval.decision.replace('_', ' ').capitalize()}{by}",
        text=f"to {approval.subject}{f': {approval.comment}' if approval.comment else ''}",
        href=f"/executions/{approval.execution_id}",
    )


def _pushed(push: Push) -> list[Event]:
    name = PurePosixPath(push.target).name
    if push.refused:
        return [Event(at=push.pushed_at, kind="bad", title="Not pushed", text=push.refused)]
    events = [
        Event(
            at=push.pushed_at,
            kind="live",
            title=f"Pushed as version {push.version}",
            text=f"{f'by {push.user}, ' if push.user else ''}to {name}",
            href=f"/artifacts/{push.artifact_id}",
        )
    ]
    for number, period in enumerate(push.live):
        if number:
            events.append(
                Event(at=period.since, kind="live", title=f"Live again by {period.kind}", text=period.reason)
            )
        if period.until is not None:
            events.append(
                Event(
                    at=period.until,
                    kind="past",
                    title=f"Replaced by version {period.replaced_by}",
                    text=f"on {name}",
                    href=f"/models/version:{period.replaced_by}?target={quote(push.target, safe='')}",
                )
            )
    return events


def _slices(evaluation: Evaluation) -> tuple[Mapping[str, Any], ...]:
    """The recorded slices; of a store written before they were recorded, all rows alone."""
    if evaluation.slices:
        bare: Mapping[str, Any] = {"metrics": {}, "bounds": [], "error": "", "slice": ""}
        return tuple({**bare, **one} for one in evaluation.slices)
    before = evaluation.baseline_metrics
    values = {
        name: {"value": value, **({"baseline": before[name]} if name in before else {})}
        for name, value in evaluation.metrics.items()
    }
    return ({"slice": "all rows", "metrics": values, "bounds": [], "error": ""},) if values else ()
