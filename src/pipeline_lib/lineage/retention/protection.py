"""What retention must never touch: whatever a served or pinned artifact was made from, and its verdicts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from pipeline_lib.lineage.queries.graph import inputs_of, outputs_of
from pipeline_lib.lineage.queries.timeline import live_now, targets
from pipeline_lib.metadata.marks import PUSHED_MODEL
from pipeline_lib.metadata.records import Condition, RecordQuery, Slice, StoredArtifact
from pipeline_lib.metadata.store import Store

Served = Literal["ever", "now"]

_AT_ONCE = 1_000
# What is written about a model, and shown in its audit report.
_VERDICTS = ("ModelBlessing", "ModelEvaluation", "InfraBlessing", PUSHED_MODEL)


def protected_ids(store: Store, *, served: Served = "ever") -> frozenset[int]:
    """Ids of pinned and served artifacts, of everything upstream of them, and of the models' verdicts.

    Args:
        store: Where the runs are recorded.
        served: Whether a model counts that was ever pushed, or only what servers serve by default now.
    """
    roots = {artifact.id for artifact in _all(store.pinned)}
    roots |= _pushed(store) if served == "ever" else _live(store)
    found = ancestors(store, roots)
    models = _models_among(store, roots | found)
    verdicts = {
        artifact.id
        for some in _parts(models)
        for execution in store.consumers(some, limit=len(some) * _AT_ONCE)
        for artifact in outputs_of(execution)
        if artifact.type_name in _VERDICTS
    }
    return frozenset(roots | found | verdicts)


def ancestors(store: Store, roots: Iterable[int]) -> set[int]:
    """Everything upstream of these artifacts, they included; a cycle in the store ends it, too."""
    seen = set(roots)
    level = sorted(seen)
    while level:
        found = {
            artifact.id
            for some in _parts(level)
            for execution in store.producers(some)
            for artifact in inputs_of(execution)
        }
        level = sorted(found - seen)
        seen |= found
    return seen


def _models_among(store: Store, ids: set[int]) -> list[int]:
    found = _all(lambda part: store.list_artifacts(RecordQuery(type_name="Model"), part))
    return [artifact.id for artifact in found if artifact.id in ids]


def _pushed(store: Store) -> set[int]:
    query = RecordQuery(type_name=PUSHED_MODEL, conditions=(Condition(name="pushed", value=True),))
    return {artifact.id for artifact in _all(lambda part: store.list_artifacts(query, part))}


def _live(store: Store) -> set[int]:
    return {change.pushed_id for change in live_now(store, *targets(store)) if change.pushed_id is not None}


def _all(listed: Callable[[Slice], Sequence[StoredArtifact]]) -> Iterator[StoredArtifact]:
    """Page after page, oldest first."""
    after = 0
    while found := listed(Slice(limit=_AT_ONCE, after=after, oldest_first=True)):
        yield from found
        after = found[-1].id


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        yield wanted[start : start + _AT_ONCE]
