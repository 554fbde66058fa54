"""Everything about one model: what it was made from, how it was judged, when it was pushed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline_lib.lineage.graph import DEFAULT_BOUNDS, Bounds, Lineage, upstream
from pipeline_lib.lineage.sources import SourceFile, source_files, spans_of
from pipeline_lib.lineage.subjects import PUSHED, Subject, find_model, target_of
from pipeline_lib.metadata.records import ArtifactQuery, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store

_REASONS = "reasons.json"
_LATER_PUSHES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What code made the model.

    Attributes:
        commits: Git commit to whether files differed from it; of every execution that took part.
        files: sha256 of each first-party file, by path; where two executions saw two versions of a file,
            the later one has the execution's id appended.
        environments: Digests of the environments.
        distributions: Versions that the executed code imports; several, if they differed, joined by ", ".
    """

    commits: Mapping[str, bool]
    files: Mapping[str, str]
    environments: tuple[str, ...]
    distributions: Mapping[str, str]


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
class Push:
    """One push of the model.

    Attributes:
        target: The directory a server polls.
        replaced_by: The next version pushed there, or "".
        replaced_at: When that was.
        refused: Why nothing was pushed, or "".
    """

    artifact_id: int
    run_id: str
    user: str
    target: str
    version: str
    pushed_at: datetime
    refused: str = ""
    replaced_by: str = ""
    replaced_at: datetime | None = None


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


def explain(store: Store, subject: Subject, *, bounds: Bounds = DEFAULT_BOUNDS) -> Explanation:
    """Explain a model; payloads that are gone are named under `missing`, and nothing fails for it.

    Raises:
        UnknownSubjectError: There is no such model.
        AmbiguousSubjectError: The subject stands for several.
        NotAModelError: The artifact is no model.
        LineageCycleError: The model is its own ancestor.
    """
    model = find_model(store, subject)
    lineage = upstream(store, [model], bounds=bounds)
    users = store.consumers([model.id], limit=bounds.artifacts)
    judgements = _judgements(users, model)
    return Explanation(
        model=model,
        run_ids=tuple(sorted({execution.key.run_id for execution in lineage.executions})),
        spans=spans_of(lineage.artifacts),
        files=source_files(lineage.executions),
        schemas=lineage.of_type("Schema"),
        code=code_of(lineage.executions),
        parameters=parameters_of(lineage.executions),
        judgements=judgements,
        pushes=pushes_of(store, users),
        missing=_missing(lineage, judgements),
        lineage=lineage,
    )


def code_of(executions: Sequence[StoredExecution]) -> Code:
    """The code of several executions, oldest first."""
    commits: dict[str, bool] = {}
    files: dict[str, str] = {}
    environments: set[str] = set()
    versions: dict[str, set[str]] = {}
    for execution in executions:
        if commit := execution.facts.get("git_commit"):
            commits[commit] = commits.get(commit, False) or bool(execution.facts.get("git_dirty"))
        if environment := execution.facts.get("environment_digest"):
            environments.add(environment)
        parts = execution.facts.get("cache_parts") or {}
        for path, sha256 in (parts.get("files") or {}).items():
            changed = files.setdefault(path, sha256) != sha256
            if changed:
                files[f"{path} (execution {execution.id})"] = sha256
        for name, version in (parts.get("distributions") or {}).items():
            versions.setdefault(name, set()).add(version)
    return Code(
        commits=dict(sorted(commits.items())),
        files=dict(sorted(files.items())),
        environments=tuple(sorted(environments)),
        distributions={name: ", ".join(sorted(versions[name])) for name in sorted(versions)},
    )


def parameters_of(executions: Sequence[StoredExecution]) -> Mapping[str, Mapping[str, Any]]:
    """The parameters of each node, by its name."""
    names = [str(execution.key) for execution in executions]
    found = {
        name if names.count(name) == 1 else f"{name}#{execution.id}": execution.parameters
        for name, execution in zip(names, executions, strict=True)
    }
    return dict(sorted(found.items()))


def pushes_of(store: Store, users: Sequence[StoredExecution]) -> tuple[Push, ...]:
    """The pushes among the executions that used a model; one question for each target."""
    made = [
        (execution, artifact)
        for execution in users
        for artifacts in execution.outputs.values()
        for artifact in artifacts
        if artifact.type_name == PUSHED
    ]
    first: dict[str, int] = {}
    for _, artifact in made:
        first.setdefault(target_of(artifact), artifact.id)
    later = {target: _pushed_after(store, id_) for target, id_ in first.items() if target}
    return tuple(_push(execution, artifact, later) for execution, artifact in made)


def _pushed_after(store: Store, artifact_id: int) -> Sequence[StoredArtifact]:
    query = ArtifactQuery(
        type_name=PUSHED,
        equal={"pushed": True},
        any_state=True,
        id_after=artifact_id,
        oldest_first=True,
        limit=_LATER_PUSHES,
    )
    return store.artifacts(query)


def _push(
    execution: StoredExecution, artifact: StoredArtifact, later: Mapping[str, Sequence[StoredArtifact]]
) -> Push:
    target = target_of(artifact)
    version = str(artifact.properties.get("pushed_version") or "")
    successors = [
        other
        for other in later.get(target, ())
        if other.id > artifact.id
        and target_of(other) == target
        and other.properties.get("pushed_version") != version
    ]
    pushed = bool(artifact.properties.get("pushed"))
    return Push(
        artifact_id=artifact.id,
        run_id=execution.key.run_id,
        user=str(execution.facts.get("user", "")),
        target=target,
        version=version,
        pushed_at=artifact.created_at,
        refused="" if pushed else str(artifact.properties.get("reason") or "not blessed"),
        replaced_by=str(successors[0].properties.get("pushed_version")) if pushed and successors else "",
        replaced_at=successors[0].created_at if pushed and successors else None,
    )


def _judgements(users: Sequence[StoredExecution], model: StoredArtifact) -> tuple[Judgement, ...]:
    """Every verdict once, oldest first: one that a later run took from the cache is not another."""
    found: dict[int, Judgement] = {}
    for execution in users:
        if (judgement := _judgement(execution, model)) is not None:
            found.setdefault(judgement.blessing_id, judgement)
    return tuple(found.values())


def _judgement(execution: StoredExecution, model: StoredArtifact) -> Judgement | None:
    for artifacts in execution.outputs.values():
        for artifact in artifacts:
            judged = artifact.properties.get("current_model_id")
            if artifact.type_name == "ModelBlessing" and judged in (None, model.id):
                thresholds = execution.parameters.get("metrics")
                return Judgement(
                    execution_id=execution.id,
                    run_id=execution.key.run_id,
                    blessing_id=artifact.id,
                    blessed=artifact.properties.get("blessed"),
                    outcome=str(artifact.properties.get("outcome", "")),
                    baseline_id=artifact.properties.get("baseline_model_id"),
                    thresholds=tuple(thresholds) if isinstance(thresholds, list) else (),
                    reasons=_reasons(artifact.uri),
                    judged_at=artifact.created_at,
                )
    return None


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
    return tuple(reason for reason in found if isinstance(reason, dict)) if isinstance(found, list) else None


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
