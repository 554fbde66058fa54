"""Which models an artifact, a file or a span reached, and whether they were pushed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline_lib.errors import LineageQueryError, UnknownSubjectError
from pipeline_lib.lineage.explanation import Push, pushes_of
from pipeline_lib.lineage.graph import DEFAULT_BOUNDS, Bounds, Lineage, downstream, inputs_of, outputs_of
from pipeline_lib.lineage.sources import source_files, span_number
from pipeline_lib.lineage.subjects import find_artifact
from pipeline_lib.metadata.records import ArtifactQuery, StoredArtifact
from pipeline_lib.metadata.store import Store

_STARTS = 1000
_SHA256 = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedModel:
    """A model on the way down, with every push of it."""

    model: StoredArtifact
    pushes: tuple[Push, ...]

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
        subject: `61` or `artifact:61`; `span:2013-06-14` or `span:7`; `file:NAME` or `file:SHA256` (8 digits
            or more of it). Without a kind, a number is an artifact and everything else a file.
        bounds: How far to go.

    Raises:
        UnknownSubjectError: Nothing of that name was ever read or made.
        LineageQueryError: The subject is empty, or its span is none.
    """
    starts, understood = _starts(store, subject)
    lineage = downstream(store, starts, bounds=bounds)
    models = lineage.of_type("Model")
    used_by = {
        model.id: [
            execution
            for execution in lineage.executions
            if any(artifact.id == model.id for artifact in inputs_of(execution))
        ]
        for model in models
    }
    return Impact(
        subject=understood,
        models=tuple(
            ReachedModel(model=model, pushes=pushes_of(store, used_by[model.id])) for model in models
        ),
        lineage=lineage,
    )


def _starts(store: Store, subject: str) -> tuple[Sequence[StoredArtifact], str]:
    kind, colon, rest = subject.partition(":")
    if not colon or kind not in ("artifact", "file", "span"):
        kind, rest = ("artifact" if subject.isascii() and subject.isdecimal() else "file"), subject
    if not rest.strip():
        raise LineageQueryError(
            "what came of nothing?", fix="give artifact:ID, file:NAME, file:SHA256 or span:DAY"
        )
    if kind == "artifact":
        if not (rest.isascii() and rest.isdecimal()):
            raise LineageQueryError(f"{rest!r} is no artifact's id", fix="`pipeline artifacts` lists them")
        return [find_artifact(store, int(rest))], f"artifact {int(rest)}"
    if kind == "span":
        return _of_span(store, span_number(rest)), f"span {rest}"
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


def _of_file(store: Store, text: str) -> Sequence[StoredArtifact]:
    """What was made by the executions that read a file of that name, or of that hash."""
    starts: dict[int, StoredArtifact] = {}
    by_hash = _SHA256.fullmatch(text.lower()) is not None
    wanted = text.lower() if by_hash else text
    for execution in store.executions_mentioning(wanted, limit=_STARTS):
        for file in source_files([execution]):
            named = text in (file.name, file.name.rpartition("/")[2], file.source)
            if named or (by_hash and file.sha256.startswith(wanted)):
                starts |= {artifact.id: artifact for artifact in outputs_of(execution)}
    if not starts:
        raise UnknownSubjectError(
            f"no execution read a file {text}",
            fix="give its name without folders, or 8 digits or more of its sha256",
        )
    return [starts[id_] for id_ in sorted(starts)]
