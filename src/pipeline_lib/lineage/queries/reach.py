"""Which models an artifact, a file, a span or a column reached, and whether they were pushed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline_lib.errors import AmbiguousSubjectError, LineageQueryError, UnknownSubjectError
from pipeline_lib.lineage.queries.graph import (
    DEFAULT_BOUNDS,
    Bounds,
    Lineage,
    downstream,
    inputs_of,
    outputs_of,
)
from pipeline_lib.lineage.queries.pushes import Push, plain_pushes
from pipeline_lib.lineage.queries.sources import span_number
from pipeline_lib.lineage.queries.subjects import find_artifact
from pipeline_lib.lineage.queries.timeline import live_now
from pipeline_lib.metadata.marks import Mark, MarkKind
from pipeline_lib.metadata.records import ArtifactQuery, Slice, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store

_STARTS = 1000
_FILES = 20
_TARGETS = 50
_SHA256 = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedModel:
    """A model on the way down, with every push of it.

    Attributes:
        live_on: The targets that serve it by default, now.
    """

    model: StoredArtifact
    pushes: tuple[Push, ...]
    live_on: tuple[str, ...] = ()

    @property
    def pushed(self) -> bool:
        """Whether it ever reached a server."""
        return any(not push.refused for push in self.pushes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What came of something.

    Attributes:
        subject: The question as it was understood.
    """

    subject: str
    models: tuple[ReachedModel, ...]
    lineage: Lineage


def impact(store: Store, subject: str, *, bounds: Bounds = DEFAULT_BOUNDS) -> Impact:
    """Follow something forward to the models it reached.

    Args:
        store: Where the runs are recorded.
        subject: `61` or `artifact:61`; `span:2013-06-14` or `span:7`; `column:NAME`; `file:NAME` or
            `file:SHA256` (8 digits or more of it). Without a kind, a number is an artifact and everything
            else a file.
        bounds: How far to go.

    Raises:
        UnknownSubjectError: Nothing of that name was ever read or made.
        LineageQueryError: The subject is empty, or its span is none.
    """
    starts, understood = _starts(store, subject)
    lineage = downstream(store, starts, bounds=bounds)
    users: dict[int, list[StoredExecution]] = {}
    for execution in lineage.executions:
        for id_ in {artifact.id for artifact in inputs_of(execution)}:
            users.setdefault(id_, []).append(execution)
    pushes = {model.id: plain_pushes(users.get(model.id, ())) for model in lineage.of_type("Model")}
    live = _live(store, pushes.values())
    return Impact(
        subject=understood,
        models=tuple(
            ReachedModel(
                model=model,
                pushes=pushes[model.id],
                live_on=tuple(sorted({p.target for p in pushes[model.id] if (p.target, p.version) in live})),
            )
            for model in lineage.of_type("Model")
        ),
        lineage=lineage,
    )


def _live(store: Store, pushes: Iterable[Sequence[Push]]) -> set[tuple[str, str]]:
    """The target and version of what is live; one store call for each target, not for each model."""
    targets = sorted({push.target for some in pushes for push in some if push.target})[:_TARGETS]
    return {(live.target, live.version) for live in live_now(store, *targets)}


def _starts(store: Store, subject: str) -> tuple[Sequence[StoredArtifact], str]:
    kind, colon, rest = subject.partition(":")
    if not colon or kind not in ("artifact", "file", "span", "column"):
        kind, rest = ("artifact" if subject.isascii() and subject.isdecimal() else "file"), subject
    if not rest.strip():
        raise LineageQueryError(
            "what came of nothing?", fix="give artifact:ID, file:NAME, file:SHA256, span:DAY or column:NAME"
        )
    if kind == "artifact":
        if not (rest.isascii() and rest.isdecimal()):
            raise LineageQueryError(f"{rest!r} is no artifact's id", fix="`pipeline artifacts` lists them")
        return [find_artifact(store, int(rest))], f"artifact {int(rest)}"
    if kind == "span":
        return _of_span(store, span_number(rest)), f"span {rest}"
    if kind == "column":
        return _of_column(store, rest), f"column {rest}"
    return _of_file(store, rest), f"file {rest}"


def _of_span(store: Store, span: int) -> Sequence[StoredArtifact]:
    query = ArtifactQuery(
        type_name="Examples", span=(span, span), any_state=True, oldest_first=True, limit=_STARTS
    )
    if not -(2**63) <= span < 2**63 or not (found := store.artifacts(query)):
        raise UnknownSubjectError(
            f"no examples of span {span} are recorded", fix="`pipeline runs` shows spans"
        )
    return found


def _of_column(store: Store, name: str) -> Sequence[StoredArtifact]:
    """The newest artifacts that say that they have, or use, a column of that name."""
    found = store.marked(Mark(kind=MarkKind.COLUMN, text=name), Slice(limit=_STARTS))
    starts = {
        artifact.id: artifact
        for execution in found
        for artifact in outputs_of(execution)
        if name in (artifact.properties.get("columns") or ())
    }
    if not starts:
        raise UnknownSubjectError(
            f"no column {name} is recorded", fix="`pipeline show artifact:ID` of examples lists theirs"
        )
    return [starts[id_] for id_ in sorted(starts)]


def _of_file(store: Store, text: str) -> Sequence[StoredArtifact]:
    """What was made by the executions that read a file of that name, or of that hash."""
    marks = [Mark(kind=MarkKind.FILE_NAME, text=text)]
    if _SHA256.fullmatch(text.lower()):
        known = store.marks(MarkKind.FILE, Slice(limit=_FILES + 1), prefix=text.lower())
        if len(known) > _FILES:
            raise AmbiguousSubjectError(
                f"many files have a sha256 that begins with {text}", fix="give more of it"
            )
        marks += known
    starts: dict[int, StoredArtifact] = {}
    for mark in marks:
        for execution in store.marked(mark, Slice(limit=_STARTS)):
            starts |= {artifact.id: artifact for artifact in outputs_of(execution)}
    if not starts:
        raise UnknownSubjectError(
            f"no execution read a file {text}",
            fix="give its name without folders, or 8 digits or more of its sha256",
        )
    return [starts[id_] for id_ in sorted(starts)]
