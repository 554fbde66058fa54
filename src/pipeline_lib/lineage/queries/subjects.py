"""What a question is about: an id, a pushed version, a time, as one typed thing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from pipeline_lib.errors import (
    AmbiguousSubjectError,
    LineageQueryError,
    NotAModelError,
    UnknownSubjectError,
)
from pipeline_lib.lineage.queries.graph import inputs_of
from pipeline_lib.lineage.queries.timeline import find_target, live_at
from pipeline_lib.metadata.marks import PUSHED_MODEL, MarkKind, target_of
from pipeline_lib.metadata.records import ArtifactQuery, Slice, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store

_LARGEST_ID = 2**63 - 1
_LATEST_PUSHES = 1000
_MANY_TARGETS = 20
_LIST = "`pipeline artifacts Model` and `pipeline artifacts PushedModel` list them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One model, by exactly one of an artifact's id, a pushed version, or the time it served.

    Attributes:
        artifact: Id of a model or of a pushed model.
        version: A pushed version, as the server knows it.
        at: What was the newest pushed version at this time; with a zone.
        target: The name it was pushed under, where several are.
    """

    artifact: int | None = None
    version: str | None = None
    at: datetime | None = None
    target: str | None = None

    @classmethod
    def parsed(cls, text: str | None, *, at: str | None = None, target: str | None = None) -> "Subject":
        """`61`, `artifact:61`, `version:1795242925`, or a time.

        A number above every id of the store is tried as a version too, by `find_model`.

        Raises:
            LineageQueryError: It is none of these, or both are given, or neither.
        """
        if (text is None) == (at is None):
            raise LineageQueryError("which model?", fix="give a model's id or version, or --at TIME")
        if at is not None:
            return cls(at=_time(at), target=target)
        kind, colon, rest = (text or "").partition(":")
        if kind == "version" and rest:
            return cls(version=rest, target=target)
        number = rest if kind == "artifact" and colon else text or ""
        if number.isascii() and number.isdecimal() and int(number) <= _LARGEST_ID:
            return cls(artifact=int(number), target=target, version=number if kind != "artifact" else None)
        raise LineageQueryError(
            f"{text!r} is no model", needs="61, artifact:61 or version:1795242925", fix=_LIST
        )


def find_artifact(store: Store, artifact_id: int) -> StoredArtifact:
    """One artifact.

    Raises:
        UnknownSubjectError: There is none of that id.
    """
    found = store.artifact(artifact_id) if 0 < artifact_id <= _LARGEST_ID else None
    if found is None:
        raise UnknownSubjectError(
            f"there is no artifact {artifact_id}", fix="`pipeline artifacts` lists them"
        )
    return found


def find_model(store: Store, subject: Subject) -> StoredArtifact:
    """The model a subject stands for; of a pushed one, what was pushed.

    Raises:
        UnknownSubjectError: There is no such artifact or version, or nothing was pushed by then, or it is
            not recorded which model was pushed.
        AmbiguousSubjectError: The version or time stands for several targets.
        NotAModelError: The artifact is no model.
    """
    named = find_named(store, subject)
    model = model_of(store, named)
    if model is None:
        raise UnknownSubjectError(
            f"it is not recorded which model became pushed model {named.id}",
            at=named.uri,
            fix="its execution or its input is missing in the store; restore it from a backup",
        )
    return model


def find_named(store: Store, subject: Subject) -> StoredArtifact:
    """The model or pushed model that a subject names.

    Raises:
        UnknownSubjectError: There is no such artifact or version, or nothing was pushed by then.
        AmbiguousSubjectError: The version or time stands for several targets.
        NotAModelError: The artifact is no model.
    """
    found: StoredArtifact | None
    if subject.at is not None:
        found = _served_at(store, subject.at, subject.target)
    elif subject.artifact is not None:
        found = store.artifact(subject.artifact) if 0 < subject.artifact <= _LARGEST_ID else None
        if found is None and subject.version is not None:
            found = _of_version(store, subject.version, subject.target)
    else:
        found = _of_version(store, subject.version or "", subject.target)
    if found is None:
        raise UnknownSubjectError(f"there is no artifact {subject.artifact}", fix=_LIST)
    if found.type_name not in ("Model", PUSHED_MODEL):
        raise NotAModelError(
            f"artifact {found.id} is no model", got=found.type_name, needs="Model or PushedModel", fix=_LIST
        )
    return found


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise LineageQueryError(
            f"{text!r} is no time", needs="2026-11-21T06:40 (UTC unless it names a zone)", fix="give ISO 8601"
        ) from error
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _of_version(store: Store, version: str, target: str | None) -> StoredArtifact:
    query = ArtifactQuery(
        type_name=PUSHED_MODEL,
        equal={"pushed_version": version},
        any_state=True,
        oldest_first=True,
        limit=_LATEST_PUSHES,
    )
    found = _of_target(store.artifacts(query), target)
    if not found:
        raise UnknownSubjectError(f"no model was pushed as version {version}", fix=_LIST)
    _refuse_several(sorted({target_of(artifact.properties) for artifact in found}), f"version {version}")
    return found[0]


def _served_at(store: Store, at: datetime, target: str | None) -> StoredArtifact:
    """What the one target that was there by then served; a target's mark is as old as its first push."""
    if target is None:
        marks = store.marks(MarkKind.TARGET, Slice(limit=_MANY_TARGETS, oldest_first=True, made_before=at))
        known = sorted({mark.text for mark in marks})
        if len(known) > 1:
            _refuse_several(known, at.isoformat())
        found = known[0] if known else ""
    else:
        found = _named_target(store, target, at)
    change = live_at(store, found, at) if found else None
    if change is None or change.pushed_id is None:
        raise UnknownSubjectError(
            f"nothing was pushed{f' to {target}' if target else ''} before {at.isoformat()}", fix=_LIST
        )
    return find_artifact(store, change.pushed_id)


def _named_target(store: Store, target: str, at: datetime) -> str:
    try:
        return find_target(store, target)
    except UnknownSubjectError as error:
        raise UnknownSubjectError(
            f"nothing was pushed to {target} before {at.isoformat()}", fix=_LIST
        ) from error


def _of_target(found: Sequence[StoredArtifact], target: str | None) -> list[StoredArtifact]:
    return [
        artifact
        for artifact in found
        if target is None
        or target in (target_of(artifact.properties), PurePosixPath(target_of(artifact.properties)).name)
    ]


def _refuse_several(targets: Sequence[str], what: str) -> None:
    if len(targets) > 1:
        raise AmbiguousSubjectError(
            f"{what} stands for several targets",
            targets=", ".join(targets),
            fix=f"name one, with --target {PurePosixPath(targets[0]).name}",
        )


def model_of(store: Store, named: StoredArtifact) -> StoredArtifact | None:
    """A model itself; of a pushed model what was pushed, if it is recorded."""
    return named if named.type_name == "Model" else model_behind(store.producers([named.id]))


def model_behind(makers: Iterable[StoredExecution]) -> StoredArtifact | None:
    """The model that the makers of a pushed model pushed, if it is recorded."""
    read = (artifact for execution in makers for artifact in inputs_of(execution))
    return next((artifact for artifact in read if artifact.type_name == "Model"), None)
