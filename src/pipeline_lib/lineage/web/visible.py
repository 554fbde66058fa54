"""A store that holds only what a visitor may read: pages cannot leak what they never get."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from pipeline_lib.metadata.marks import Mark, MarkKind
from pipeline_lib.metadata.records import (
    ArtifactQuery,
    Ports,
    RecordQuery,
    Run,
    Slice,
    StoredArtifact,
    StoredExecution,
)

if TYPE_CHECKING:
    from pipeline_lib.metadata.store import Store

_ROUNDS = 8
_WIDER = 4
_MARKS = 100

MayRead = Callable[[str], bool]
"""Whether a pipeline of that name may be read."""


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


Record = TypeVar("Record", bound=_Numbered)


def visible(store: "Store", may_read: MayRead) -> "Store":
    """The store without what belongs to pipelines that may not be read; one request's, since it remembers.

    What belongs to no pipeline of ours (written by other tools, say) counts as the pipeline "".
    """
    # Only what pages call is there: a method that this module does not know cannot be reached through it.
    return cast("Store", VisibleStore(store, may_read))


@dataclass(frozen=True, slots=True)
class VisibleStore:
    """See `visible`; the methods are those of `Store` of the same names."""

    _store: "Store"
    _ask: MayRead
    _known: dict[str, bool] = field(default_factory=dict)

    def execution(self, execution_id: int) -> StoredExecution | None:
        """See `Store.execution`."""
        found = self._store.execution(execution_id)
        return found and next(iter(self._executions([found])), None)

    def run(self, run_id: str) -> Run | None:
        """See `Store.run`."""
        found = self._store.run(run_id)
        return found if found is not None and self._may(found.pipeline) else None

    def run_executions(self, run_id: str) -> Sequence[StoredExecution]:
        """See `Store.run_executions`."""
        return self._executions(self._store.run_executions(run_id))

    def artifact(self, artifact_id: int) -> StoredArtifact | None:
        """See `Store.artifact`."""
        found = self._store.artifact(artifact_id)
        return found and next(iter(self._artifacts([found])), None)

    def artifacts_by_uri(self, uri: str) -> Sequence[StoredArtifact]:
        """See `Store.artifacts_by_uri`."""
        return self._artifacts(self._store.artifacts_by_uri(uri))

    def artifacts(self, query: ArtifactQuery) -> Sequence[StoredArtifact]:
        """See `Store.artifacts`."""
        return self._artifacts(self._store.artifacts(query))

    def producers(self, artifact_ids: Sequence[int]) -> Sequence[StoredExecution]:
        """See `Store.producers`."""
        return self._executions(self._store.producers(artifact_ids))

    def consumers(self, artifact_ids: Sequence[int], *, limit: int = 1000) -> Sequence[StoredExecution]:
        """See `Store.consumers`."""
        return self._executions(self._store.consumers(artifact_ids, limit=limit))

    def marked(self, mark: Mark, within: Slice) -> Sequence[StoredExecution]:
        """See `Store.marked`."""
        return _filled(within, lambda one: self._store.marked(mark, one), self._executions)

    def marks(self, kind: MarkKind, within: Slice, *, prefix: str = "") -> Sequence[Mark]:
        """See `Store.marks`; a mark is seen by whoever sees an execution that bears it."""
        found = self._store.marks(kind, within, prefix=prefix)[:_MARKS]
        return [mark for mark in found if self.marked(mark, Slice(limit=1))]

    def kept_texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        """See `Store.kept_texts`; the digests are known from executions that may be read."""
        return self._store.kept_texts(digests)

    def list_artifacts(self, query: RecordQuery, within: Slice) -> Sequence[StoredArtifact]:
        """See `Store.list_artifacts`."""
        if self._refused(query):
            return []
        return _filled(within, lambda one: self._store.list_artifacts(query, one), self._artifacts)

    def list_executions(self, query: RecordQuery, within: Slice) -> Sequence[StoredExecution]:
        """See `Store.list_executions`."""
        if self._refused(query):
            return []
        return _filled(within, lambda one: self._store.list_executions(query, one), self._executions)

    def list_runs(self, query: RecordQuery, within: Slice) -> Sequence[Run]:
        """See `Store.list_runs`."""
        if self._refused(query):
            return []
        return _filled(
            within,
            lambda one: self._store.list_runs(query, one),
            lambda runs: [run for run in runs if self._may(run.pipeline)],
        )

    def node_history(self, pipeline: str, node: str, *, limit: int = 20) -> Sequence[StoredExecution]:
        """See `Store.node_history`."""
        return self._store.node_history(pipeline, node, limit=limit) if self._may(pipeline) else []

    def _refused(self, query: RecordQuery) -> bool:
        return query.pipeline is not None and not self._may(query.pipeline)

    def _may(self, pipeline: str) -> bool:
        if pipeline not in self._known:
            self._known[pipeline] = self._ask(pipeline)
        return self._known[pipeline]

    def _artifacts(self, found: Sequence[StoredArtifact]) -> list[StoredArtifact]:
        return [artifact for artifact in found if self._may(artifact.pipeline)]

    def _executions(self, found: Sequence[StoredExecution]) -> list[StoredExecution]:
        return [
            replace(execution, inputs=self._ports(execution.inputs), outputs=self._ports(execution.outputs))
            for execution in found
            if self._may(execution.key.pipeline)
        ]

    def _ports(self, ports: Ports) -> Mapping[str, Any]:
        return {port: tuple(self._artifacts(artifacts)) for port, artifacts in ports.items()}


def _filled(
    within: Slice,
    read: Callable[[Slice], Sequence[Record]],
    filtered: Callable[[Sequence[Record]], list[Record]],
) -> list[Record]:
    """As many as asked for, although some of what is read is filtered out; ends after a few wider reads."""
    kept: list[Record] = []
    rest = within
    for _ in range(_ROUNDS):
        found = read(rest)
        kept += filtered(found)
        if len(kept) >= within.limit or len(found) < rest.limit:
            break
        last = found[-1].id
        moved = {"after": last} if within.oldest_first else {"before": last}
        rest = replace(rest, limit=max(rest.limit, within.limit) * _WIDER, **moved)  # type: ignore[arg-type]
    return kept[: within.limit]
