"""The one way to the metadata store. Implementations: `pipeline_lib.metadata.mlmd`."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from pipeline_lib.metadata.marks import Mark, MarkKind
from pipeline_lib.metadata.records import (
    ArtifactQuery,
    ArtifactState,
    NewArtifact,
    NewExecution,
    NodeKey,
    Ports,
    RecordQuery,
    Run,
    Slice,
    State,
    StoredArtifact,
    StoredExecution,
)
from pipeline_lib.plan.models import ArtifactType


class Store(Protocol):
    """Runs, executions and artifacts. Every method is one bounded piece of work, safe to repeat.

    A failing backend raises `MetadataUnavailableError`; a store of another schema version raises
    `MetadataVersionError`. All other errors are named at the methods.
    """

    def register_types(self, types: Mapping[str, ArtifactType]) -> None:
        """Make the artifact types known; a type already there may gain properties.

        Raises:
            ArtifactTypeConflictError: A property changes its kind.
        """

    def open_run(self, run: Run) -> None:
        """Record that a run starts; repeating it for the same run id goes on with that run."""

    def close_run(self, run: Run) -> None:
        """Record a run's final state and end."""

    def start(self, execution: NewExecution, *, claims: bool = False) -> int:
        """Record a try in state RUNNING with its input events; returns the execution's id.

        Args:
            execution: The try.
            claims: Whether to be the only one, among those that claim, that computes the result of its cache
                key. The claim ends with the try.

        Raises:
            ClaimedError: Another try that is RUNNING has claimed that; nothing is recorded.
        """

    def complete(
        self,
        execution_id: int,
        key: NodeKey,
        outputs: Mapping[str, Sequence[NewArtifact]],
        facts: Mapping[str, Any],
    ) -> Ports:
        """In one transaction: outputs LIVE, output events, state COMPLETE. Exactly one try of a node of a
        run can do this.

        Raises:
            AlreadyCompleteError: Another try of the same `key` was first; nothing of this one is recorded.
            DeclaredDeadError: The try bears the fact `ORPHANED`; nothing of it is recorded.
        """

    def record_cached(
        self, execution: NewExecution, outputs: Ports, *, cached_from: int
    ) -> tuple[int, Ports]:
        """In one transaction: an execution in state CACHED whose outputs are existing artifacts.

        Raises:
            AlreadyCompleteError: The node of that run is already complete.
        """

    def renew(self, execution_id: int, facts: Mapping[str, Any]) -> bool:
        """Add facts to a try that is RUNNING; False, and nothing is changed, if it is not (any more)."""

    def finish(self, execution_id: int, state: State, facts: Mapping[str, Any]) -> None:
        """Record that a try ended without outputs: FAILED or CANCELED."""

    def completed(self, key: NodeKey) -> StoredExecution | None:
        """The successful execution of this node of this run, outputs included, if there is one."""

    def cache_candidates(self, cache_key: str, *, limit: int = 10) -> Sequence[StoredExecution]:
        """Successful executions with that cache key, newest first, outputs included."""

    def node_history(self, pipeline: str, node: str, *, limit: int = 20) -> Sequence[StoredExecution]:
        """Latest executions of a node, newest first, without ports."""

    def execution(self, execution_id: int) -> StoredExecution | None:
        """One execution with inputs and outputs."""

    def run(self, run_id: str) -> Run | None:
        """One run."""

    def runs(self, pipeline: str | None = None, *, limit: int = 20) -> Sequence[Run]:
        """Latest runs, newest first."""

    def run_executions(self, run_id: str) -> Sequence[StoredExecution]:
        """Every execution of a run, oldest first, ports included."""

    def active_executions(self, *, limit: int = 1000) -> Sequence[StoredExecution]:
        """Executions in state RUNNING, oldest first."""

    def artifact(self, artifact_id: int) -> StoredArtifact | None:
        """One artifact."""

    def artifacts_by_uri(self, uri: str) -> Sequence[StoredArtifact]:
        """Artifacts at a uri."""

    def artifacts(self, query: ArtifactQuery) -> Sequence[StoredArtifact]:
        """LIVE artifacts that match, newest first, unless the query says otherwise."""

    def producers(self, artifact_ids: Sequence[int]) -> Sequence[StoredExecution]:
        """The execution that made each of these artifacts (not those that took it from the cache, nor
        resolvers that chose it), oldest first, ports included.
        """

    def consumers(self, artifact_ids: Sequence[int], *, limit: int = 1000) -> Sequence[StoredExecution]:
        """Executions with any of these artifacts as input, oldest first, ports included; what a resolver
        chose is not among its outputs.
        """

    def marked(self, mark: Mark, within: Slice) -> Sequence[StoredExecution]:
        """Executions that succeeded and bear a mark, ports included."""

    def marks(self, kind: MarkKind, within: Slice, *, prefix: str = "") -> Sequence[Mark]:
        """Marks of a kind; with a prefix (hex digits) only those that begin so."""

    def list_artifacts(self, query: RecordQuery, within: Slice) -> Sequence[StoredArtifact]:
        """Artifacts in any state that match."""

    def list_executions(self, query: RecordQuery, within: Slice) -> Sequence[StoredExecution]:
        """Executions that match, without ports."""

    def list_runs(self, query: RecordQuery, within: Slice) -> Sequence[Run]:
        """Runs that match; types, nodes and conditions do not apply to runs."""

    def keep_text(self, digest: str, text: str) -> None:
        """Keep a text under its digest, once however often it is kept; at most 60 000 bytes of it."""

    def kept_texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        """Of these texts those that were kept."""

    def abandon(self, artifact_id: int) -> None:
        """Mark an artifact whose files are lost, so that no look-up returns it."""

    def set_states(self, artifact_ids: Sequence[int], state: ArtifactState) -> None:
        """Change the state of artifacts that are there, in one transaction."""

    def note_marked_after(self, artifact_ids: Sequence[int], run: int) -> None:
        """Note the newest run (`Run.id`) there was when artifacts were marked for deletion; a new mark
        takes the note away.
        """

    def set_pinned(self, artifact_id: int, *, pinned: bool) -> None:
        """Protect an artifact and all it was made from against retention, or no longer.

        Raises:
            UnknownRecordError: There is no such artifact.
        """

    def pinned(self, within: Slice) -> Sequence[StoredArtifact]:
        """Artifacts that are pinned."""

    def record_resolved(self, execution: NewExecution, outputs: Ports) -> tuple[int, Ports]:
        """Record a resolver's choice: a COMPLETE execution whose outputs are existing artifacts.

        Raises:
            AlreadyCompleteError: The node of that run is already complete with another choice.
        """

    def import_artifact(
        self, execution: NewExecution, artifact: NewArtifact, *, port: str = "result"
    ) -> tuple[int, StoredArtifact]:
        """Record files that exist already; the same uri, type, digest and properties are recorded once."""

    def close(self) -> None:
        """Give back the connection."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
