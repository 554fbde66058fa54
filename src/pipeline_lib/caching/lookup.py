"""Finding an earlier result: by key, newest first, alive, young enough, with files as they were published."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pipeline_lib.caching import explain
from pipeline_lib.caching.explain import Reason
from pipeline_lib.caching.key import KeyParts, cache_key
from pipeline_lib.errors import CorruptPayloadError, MissingPayloadError
from pipeline_lib.metadata.records import ArtifactState, Ports, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import CachePolicy

# By this much the clocks of two machines may differ.
_CLOCKS = timedelta(minutes=5)


class VerifiesArtifacts(Protocol):
    """What the look-up needs of an artifact store."""

    def verify(self, uri: str, digest: str, *, full: bool = False) -> None:
        """Check files against the manifest: names and sizes, with `full` their content too.

        Raises:
            MissingPayloadError: A file is gone, or has another size.
            CorruptPayloadError: A file has other content.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An earlier result that can be used.

    Attributes:
        outputs: Its artifacts by port, all LIVE and verified.
    """

    execution: StoredExecution
    outputs: Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """There is no result to use, and why.

    Attributes:
        newest: Id of the newest result that was looked at and cannot be used; 0 if there was none.
    """

    reason: Reason
    newest: int = 0


def find(
    store: Store,
    artifacts: VerifiesArtifacts,
    parts: KeyParts,
    policy: CachePolicy,
    *,
    pipeline: str,
    node: str,
    now: datetime,
    force: bool = False,
    verify_full: bool = False,
    inputs: Ports | None = None,
    record_damage: bool = True,
) -> Hit | Miss:
    """Look for a result with that key; a hit costs one look-up in the store, a miss one more.

    An artifact whose files are lost or changed is marked as abandoned, so that nobody finds it again, and
    the next older result is tried.

    Args:
        store: Searched by key; for a miss, also the node's history.
        artifacts: Verifies outputs.
        parts: Of the node's key.
        policy: The node's.
        pipeline: Whose history explains a miss.
        node: Likewise.
        now: With time zone.
        force: Take no result.
        verify_full: Hash the outputs' files, not only compare names and sizes.
        inputs: The node's, to name in a miss the node that made a changed one.
        record_damage: Whether damaged artifacts are marked; False leaves the store as it is.
    """
    if not policy.enabled:
        return Miss(reason=explain.OFF)
    if force:
        return Miss(reason=explain.FORCED)
    refused: Reason | None = None
    lost: set[int] = set()
    newest = 0
    for candidate in _candidates(store, cache_key(parts)):
        newest = max(newest, candidate.id)
        reason = _too_old(candidate, policy, now)
        if reason is None:
            reason = _unusable(
                candidate, store, artifacts, lost, verify_full=verify_full, record_damage=record_damage
            )
        if reason is None:
            return Hit(execution=candidate, outputs=candidate.outputs)
        refused = refused or reason
    return Miss(
        reason=refused or explain.explain_miss(store, parts, pipeline=pipeline, node=node, inputs=inputs),
        newest=newest,
    )


def _candidates(store: Store, key: str) -> Iterator[StoredExecution]:
    """Newest first; as the newest will nearly always do, it is read alone."""
    newest = store.cache_candidates(key, limit=1)
    yield from newest
    if newest:
        yield from (older for older in store.cache_candidates(key) if older.id != newest[0].id)


def _too_old(candidate: StoredExecution, policy: CachePolicy, now: datetime) -> Reason | None:
    if policy.max_age_seconds is None:
        return None
    # A hit is recorded as an execution of its own; the result is as old as its artifacts.
    made = min((a.created_at for _, a in _outputs(candidate)), default=candidate.started_at)
    allowed, age = timedelta(seconds=policy.max_age_seconds), now - made
    # Made at a time that is yet to come: a clock was set back since, and nobody knows how old it is.
    return explain.expired(age, allowed) if age > allowed or age < -_CLOCKS else None


def _unusable(
    candidate: StoredExecution,
    store: Store,
    artifacts: VerifiesArtifacts,
    lost: set[int],
    *,
    verify_full: bool,
    record_damage: bool,
) -> Reason | None:
    for port, artifact in _outputs(candidate):
        if artifact.state is not ArtifactState.LIVE or artifact.id in lost:
            return explain.withdrawn(artifact, port)
        try:
            artifacts.verify(artifact.uri, artifact.digest, full=verify_full)
        except (MissingPayloadError, CorruptPayloadError) as error:
            if record_damage:
                store.abandon(artifact.id)
            lost.add(artifact.id)
            return explain.damaged(artifact, port, error.summary, error.at or artifact.uri)
    return None


def _outputs(execution: StoredExecution) -> Iterator[tuple[str, StoredArtifact]]:
    for port, artifacts in execution.outputs.items():
        for artifact in artifacts:
            yield port, artifact
