"""How a model was judged: verdicts, metrics per slice with their bounds, and who approved what."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline_lib.lineage.queries.graph import inputs_of, outputs_of
from pipeline_lib.metadata.records import StoredArtifact, StoredExecution
from pipeline_lib.wording import plain

_REASONS = "reasons.json"
_APPROVAL = "approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One verdict on the model.

    Attributes:
        thresholds: The metrics that `evaluate` was asked for, with their bounds.
        reasons: Of `reasons.json`; None where that file is gone.
    """

    execution_id: int
    run_id: str
    blessing_id: int
    blessed: bool | None
    outcome: str
    baseline_id: int | None
    thresholds: tuple[Mapping[str, Any], ...]
    reasons: tuple[Mapping[str, Any], ...] | None
    judged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The metrics of one evaluation of the model.

    Attributes:
        metrics, baseline_metrics: Over all rows, by name; of the model, and of the one it was compared with.
        slices: By slice: `metrics` by name and `bounds` that were checked, as `ModelEvaluation` has them.
        slices_left_out: How many slices the record had no room for.
    """

    execution_id: int
    evaluation_id: int
    metrics: Mapping[str, float]
    baseline_metrics: Mapping[str, float]
    slices: tuple[Mapping[str, Any], ...]
    slices_left_out: int
    evaluated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's decision about a node that reads the model.

    Attributes:
        subject: The node that waited for it.
        decision: `approved`, `rejected` or `timed_out`.
        by: "" if nobody answered.
        at: As it was recorded, ISO 8601.
    """

    execution_id: int
    run_id: str
    subject: str
    decision: str
    by: str
    comment: str
    at: str


def judgements_of(users: Sequence[StoredExecution], model: StoredArtifact) -> tuple[Judgement, ...]:
    """Every verdict once, oldest first: one that a later run took from the cache is not another."""
    found: dict[int, Judgement] = {}
    for execution in users:
        if (judgement := _judgement(execution, model)) is not None:
            found.setdefault(judgement.blessing_id, judgement)
    return tuple(found.values())


def evaluations_of(users: Sequence[StoredExecution], model: StoredArtifact) -> tuple[Evaluation, ...]:
    """Every evaluation of the model once, oldest first; not those in which it was what others are held to."""
    found: dict[int, Evaluation] = {}
    for execution in users:
        for artifact in outputs_of(execution) if _is_candidate(execution, model) else ():
            if artifact.type_name == "ModelEvaluation":
                found.setdefault(artifact.id, _evaluation(execution, artifact))
    return tuple(found.values())


def approvals_of(users: Sequence[StoredExecution], model: StoredArtifact) -> tuple[Approval, ...]:
    """The decisions about the model, oldest first."""
    return tuple(
        Approval(
            execution_id=execution.id,
            run_id=execution.key.run_id,
            **{
                name: str(execution.parameters.get(name) or "")
                for name in ("subject", "decision", "by", "comment", "at")
            },
        )
        for execution in users
        if execution.type_name == _APPROVAL and any(one.id == model.id for one in inputs_of(execution))
    )


def slice_in_words(on: Any) -> str:
    """`each origin`, `each hour of city Oslo`: what a bound is on, from the parameters of `evaluate`."""
    if not isinstance(on, Mapping):
        return f"each {plain(on)}"
    columns, exact = plain(on.get("columns") or []), plain(on.get("where") or {})
    return " of ".join(filter(None, [f"each {columns}" if columns else "", exact])) or "all rows"


def _evaluation(execution: StoredExecution, artifact: StoredArtifact) -> Evaluation:
    properties = artifact.properties
    return Evaluation(
        execution_id=execution.id,
        evaluation_id=artifact.id,
        metrics=dict(sorted(_mapping(properties.get("metrics")).items())),
        baseline_metrics=dict(sorted(_mapping(properties.get("baseline_metrics")).items())),
        slices=tuple(_records(properties.get("slice_metrics"))),
        slices_left_out=int(properties.get("slices_left_out") or 0),
        evaluated_at=artifact.created_at,
    )


def _judgement(execution: StoredExecution, model: StoredArtifact) -> Judgement | None:
    for artifact in outputs_of(execution):
        judged = artifact.properties.get("current_model_id")
        its_own = judged == model.id if judged is not None else _is_candidate(execution, model)
        if artifact.type_name == "ModelBlessing" and its_own:
            return Judgement(
                execution_id=execution.id,
                run_id=execution.key.run_id,
                blessing_id=artifact.id,
                blessed=artifact.properties.get("blessed"),
                outcome=str(artifact.properties.get("outcome", "")),
                baseline_id=artifact.properties.get("baseline_model_id"),
                thresholds=tuple(_records(execution.parameters.get("metrics"))),
                reasons=_reasons(artifact.uri),
                judged_at=artifact.created_at,
            )
    return None


def _is_candidate(execution: StoredExecution, model: StoredArtifact) -> bool:
    """Whether it was about this model, which was not only what another one was held to."""
    return any(
        artifact.id == model.id
        for port, artifacts in execution.inputs.items()
        if port != "baseline"
        for artifact in artifacts
    )


def _reasons(uri: str) -> tuple[Mapping[str, Any], ...] | None:
    """The reasons written beside the verdict; None if they cannot be read any more."""
    try:
        if urlsplit(uri).scheme in ("", "file"):
            text = (Path(urlsplit(uri).path if "://" in uri else uri) / _REASONS).read_text(encoding="utf-8")
        else:
            from fsspec.core import url_to_fs

            files, root = url_to_fs(uri)
            text = files.cat_file(f"{root}/{_REASONS}").decode()
        found = json.loads(text)["reasons"]
    except (OSError, ValueError, KeyError, TypeError, ImportError):
        return None
    return tuple(_records(found)) if isinstance(found, list) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _records(value: Any) -> Iterator[Mapping[str, Any]]:
    """What a half-written or foreign record has of a list of mappings."""
    if isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, Mapping))
