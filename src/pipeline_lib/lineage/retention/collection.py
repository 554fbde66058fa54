"""Retention: which payloads may go, and how they go so that nobody reads half of one.

A payload goes in three steps, each of which may be the last if the process is killed: the artifact is marked
(from then on neither the cache nor a resolver returns it), its files are removed, it becomes a tombstone.
Between the first two lies a wait: a run that was at work when it was marked may have found it before, so its
files stay until all those runs have ended. What is marked and is found to be needed after all is live again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pipeline_lib.artifacts.store import ArtifactStore
from pipeline_lib.errors import RetentionError
from pipeline_lib.faults import reached
from pipeline_lib.lineage.retention.protection import Served, protected_ids
from pipeline_lib.metadata.records import ArtifactState, RecordQuery, Run, Slice, State, StoredArtifact
from pipeline_lib.metadata.store import Store

_AT_ONCE = 1_000
_ACTIVE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may go: artifacts to which all of it applies.

    Attributes:
        older_than: Recorded that long ago, or longer.
        keep_last: Not among the newest so many of their pipeline, node and port.
        types: Of these types; of any without.
        pipeline, node: Made there.
        served: Whose ancestors are protected: models that were ever pushed, or those that serve now.

    Raises:
        RetentionError: Neither an age nor a count is given, or one is negative.
    """

    older_than: timedelta | None = None
    keep_last: int | None = None
    types: tuple[str, ...] = ()
    pipeline: str | None = None
    node: str | None = None
    served: Served = "ever"

    def __post_init__(self) -> None:
        if self.older_than is None and self.keep_last is None:
            raise RetentionError(
                "retention needs an age or a count", fix="give --older-than 30d, --keep-last 5, or both"
            )
        if (self.keep_last or 0) < 0 or (self.older_than or timedelta(0)) < timedelta(0):
            raise RetentionError("an age or a count is negative", fix="give 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An artifact whose payload may go."""

    id: int
    type_name: str
    uri: str
    size_bytes: int
    pipeline: str
    node: str
    port: str
    made_at: datetime
    marked: bool

    @property
    def name(self) -> str:
        """As people name it."""
        return f"{self.type_name} {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What retention would do, or did.

    Attributes:
        candidates: What may go, by id.
        deleted: Ids of those whose files are gone now.
        waiting: Ids of those that are marked, and go when the runs named have ended.
        runs: Runs at work.
        protected: How many artifacts were kept for a served or pinned one.
    """

    candidates: tuple[Candidate, ...]
    deleted: tuple[int, ...] = field(default=())
    waiting: tuple[int, ...] = field(default=())
    runs: tuple[str, ...] = field(default=())
    protected: int = 0

    @property
    def size_bytes(self) -> int:
        """Of all candidates."""
        return sum(one.size_bytes for one in self.candidates)


def candidates(store: Store, policy: Policy, *, root: str, now: datetime) -> Sweep:
    """What may go, without touching anything.

    Args:
        store: Where artifacts are recorded.
        policy: What may go.
        root: Of the artifact store; files elsewhere are not ours to delete.
        now: With a zone.
    """
    protected = protected_ids(store, served=policy.served)
    ranks: dict[tuple[str, str, str], int] = {}
    found: list[Candidate] = []
    for artifact in _stored(store, policy):
        place = (artifact.pipeline, artifact.node, artifact.port)
        ranks[place] = ranks.get(place, 0) + 1
        if artifact.id not in protected and _may_go(artifact, policy, rank=ranks[place], root=root, now=now):
            found.append(_candidate(artifact))
    return Sweep(candidates=tuple(sorted(found, key=lambda one: one.id)), protected=len(protected))


def collect(
    store: Store,
    artifacts: ArtifactStore,
    policy: Policy,
    *,
    root: str,
    is_active: Callable[[Run], bool],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sweep:
    """Remove payloads; what an earlier, killed collection marked is finished first.

    Args:
        store: Where artifacts are recorded.
        artifacts: Where their files are.
        policy: What may go.
        root: Of the artifact store.
        is_active: Whether a run that is recorded as running is at work; one whose process died is not.
        clock: The time now, with a zone.
    """
    started = clock()
    planned = candidates(store, policy, root=root, now=started)
    fresh = [one.id for one in planned.candidates if not one.marked]
    for start in range(0, len(fresh), _AT_ONCE):
        store.set_states(fresh[start : start + _AT_ONCE], ArtifactState.MARKED_FOR_DELETION)
    reached("gc-marked")
    runs = [run for run in _running(store) if is_active(run)]
    if runs:
        _note_marked_after(store)
    marked = list(_marked(store))
    # A run that began before the mark may have found the artifact; one that began later cannot.
    oldest = min((run.id for run in runs), default=None)
    ready = [a for a in marked if oldest is None or (0 < a.marked_after < oldest)]
    protected = protected_ids(store, served=policy.served)
    deleted = []
    for artifact in ready:
        if artifact.id in protected or _shared(store, artifact):
            store.set_states([artifact.id], ArtifactState.LIVE)
            continue
        artifacts.remove(artifact.uri)
        reached("gc-removed")
        store.set_states([artifact.id], ArtifactState.DELETED)
        deleted.append(artifact.id)
    ready_ids = {artifact.id for artifact in ready}
    return Sweep(
        candidates=planned.candidates,
        deleted=tuple(sorted(deleted)),
        waiting=tuple(sorted(artifact.id for artifact in marked if artifact.id not in ready_ids)),
        runs=tuple(sorted(run.run_id for run in runs)),
        protected=planned.protected,
    )


def _stored(store: Store, policy: Policy) -> Iterator[StoredArtifact]:
    """Artifacts with files that the policy looks at, newest first."""
    for type_name in policy.types or (None,):
        for state in (ArtifactState.LIVE, ArtifactState.ABANDONED, ArtifactState.MARKED_FOR_DELETION):
            query = RecordQuery(
                type_name=type_name, pipeline=policy.pipeline, node=policy.node, state=state.value
            )
            yield from _listed(store, query)


def _marked(store: Store) -> Iterator[StoredArtifact]:
    return _listed(store, RecordQuery(state=ArtifactState.MARKED_FOR_DELETION.value))


def _listed(store: Store, query: RecordQuery) -> Iterator[StoredArtifact]:
    before: int | None = None
    while found := store.list_artifacts(query, Slice(limit=_AT_ONCE, before=before)):
        yield from found
        before = found[-1].id


def _note_marked_after(store: Store) -> None:
    """Note which run was the newest when an artifact was marked: by its number, since clocks differ."""
    fresh = [artifact.id for artifact in _marked(store) if not artifact.marked_after]
    newest = store.list_runs(RecordQuery(), Slice(limit=1))
    for start in range(0, len(fresh), _AT_ONCE):
        store.note_marked_after(fresh[start : start + _AT_ONCE], newest[0].id)


def _running(store: Store) -> Sequence[Run]:
    return store.list_runs(RecordQuery(state=State.RUNNING.value), Slice(limit=_ACTIVE))


def _may_go(artifact: StoredArtifact, policy: Policy, *, rank: int, root: str, now: datetime) -> bool:
    if not artifact.uri.startswith(f"{root.rstrip('/')}/"):
        return False
    if policy.older_than is not None and now - artifact.created_at < policy.older_than:
        return False
    return policy.keep_last is None or rank > policy.keep_last


def _shared(store: Store, artifact: StoredArtifact) -> bool:
    """Whether another artifact that stays has the same files, as imports of the same files do."""
    return any(
        other.id != artifact.id and other.state is ArtifactState.LIVE
        for other in store.artifacts_by_uri(artifact.uri)
    )


def _candidate(artifact: StoredArtifact) -> Candidate:
    return Candidate(
        id=artifact.id,
        type_name=artifact.type_name,
        uri=artifact.uri,
        size_bytes=artifact.size_bytes,
        pipeline=artifact.pipeline,
        node=artifact.node,
        port=artifact.port,
        made_at=artifact.created_at,
        marked=artifact.state is ArtifactState.MARKED_FOR_DELETION,
    )
