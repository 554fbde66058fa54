"""Everything about one model: what it was made from, how it was judged, who approved, when it was live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline_lib.lineage.models.code import Code, code_of
from pipeline_lib.lineage.models.verdicts import (
    Approval,
    Evaluation,
    Judgement,
    approvals_of,
    evaluations_of,
    judgements_of,
)
from pipeline_lib.lineage.queries.graph import DEFAULT_BOUNDS, Bounds, Lineage, upstream
from pipeline_lib.lineage.queries.pushes import Push, pushes_of
from pipeline_lib.lineage.queries.sources import SourceFile, source_files, spans_of
from pipeline_lib.lineage.queries.subjects import Subject, find_model
from pipeline_lib.metadata.records import StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store

# A model that hundreds of later ones were held to has that many users: its own verdicts are the first.
_MOST_USERS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A model and where it comes from.

    Attributes:
        parameters: Of each node that took part, by node; of several executions of a node, by
            `node#execution`.
        missing: What the store or the disk no longer has, in words.
    """

    model: StoredArtifact
    run_ids: tuple[str, ...]
    spans: tuple[int, ...]
    files: tuple[SourceFile, ...]
    schemas: tuple[StoredArtifact, ...]
    code: Code
    parameters: Mapping[str, Mapping[str, Any]]
    judgements: tuple[Judgement, ...]
    pushes: tuple[Push, ...]
    missing: tuple[str, ...]
    lineage: Lineage
    evaluations: tuple[Evaluation, ...] = field(default=())
    approvals: tuple[Approval, ...] = field(default=())


def explain(store: Store, subject: Subject, *, bounds: Bounds = DEFAULT_BOUNDS) -> Explanation:
    """Explain a model; payloads that are gone are named under `missing`, and nothing fails for it.

    Raises:
        UnknownSubjectError: There is no such model.
        AmbiguousSubjectError: The subject stands for several.
        NotAModelError: The artifact is no model.
        LineageCycleError: The model is its own ancestor.
    """
    return explain_model(store, find_model(store, subject), bounds=bounds)


def explain_model(store: Store, model: StoredArtifact, *, bounds: Bounds = DEFAULT_BOUNDS) -> Explanation:
    """`explain`, of a model that was found already.

    Raises:
        LineageCycleError: The model is its own ancestor.
    """
    lineage = upstream(store, [model], bounds=bounds)
    users = store.consumers([model.id], limit=_MOST_USERS)
    judgements = judgements_of(users, model)
    served = pushes_of(store, users)
    return Explanation(
        model=model,
        run_ids=tuple(sorted({execution.key.run_id for execution in lineage.executions})),
        spans=spans_of(lineage.artifacts),
        files=source_files(lineage.executions),
        schemas=lineage.of_type("Schema"),
        code=code_of(store, lineage.executions),
        parameters=parameters_of(lineage.executions),
        judgements=judgements,
        pushes=served.pushes,
        missing=(*_missing(lineage, judgements), *_unread(users, served.cut)),
        lineage=lineage,
        evaluations=evaluations_of(users, model),
        approvals=approvals_of(users, model),
    )


def parameters_of(executions: Sequence[StoredExecution]) -> Mapping[str, Mapping[str, Any]]:
    """The parameters of each node, by its name."""
    names = [str(execution.key) for execution in executions]
    found = {
        name if names.count(name) == 1 else f"{name}#{execution.id}": execution.parameters
        for name, execution in zip(names, executions, strict=True)
    }
    return dict(sorted(found.items()))


def _missing(lineage: Lineage, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    gone = [
        f"files of {artifact.type_name} {artifact.id}: {artifact.state.lower().replace('_', ' ')}"
        for artifact in lineage.artifacts
        if artifact.state != "LIVE"
    ]
    gone += [f"no execution is recorded that made artifact {id_}" for id_ in lineage.orphans]
    gone += [
        f"the reasons of blessing {judgement.blessing_id} cannot be read"
        for judgement in judgements
        if judgement.reasons is None
    ]
    if lineage.truncated:
        gone.append("the lineage is longer than the bounds given; what lies beyond was not read")
    return tuple(gone)


def _unread(users: Sequence[StoredExecution], cut: Sequence[str]) -> tuple[str, ...]:
    told = [f"{target} changed so often since that later times were not read" for target in cut]
    if len(users) == _MOST_USERS:
        told.append(f"only the first {_MOST_USERS} executions that used the model were read")
    return tuple(told)
