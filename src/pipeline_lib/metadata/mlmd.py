"""`Store` on ML Metadata 1.17.1: SQLite, PostgreSQL, MySQL; TFX's modern contexts, events and states.

Three facts about ML Metadata shape this module. An execution can be given an `external_id`, which is
unique: whoever sets that of a node of a run has completed it. Updating anything replaces all of its
properties unless a mask names the ones to change. An artifact handed over with an event is overwritten by
what is handed over, so that only new artifacts ever are.
"""

import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pipeline_lib.errors import (
    AlreadyCompleteError,
    DeclaredDeadError,
    MetadataUnavailableError,
    MetadataVersionError,
    UnknownRecordError,
)
from pipeline_lib.metadata.connection import ConflictError, Connection
from pipeline_lib.metadata.database import parse_database
from pipeline_lib.metadata.marks import Mark, marks_of
from pipeline_lib.metadata.mlmd_claims import MlmdClaims
from pipeline_lib.metadata.mlmd_queries import mark_context
from pipeline_lib.metadata.mlmd_records import (
    CACHED_FROM,
    artifact_message,
    claim_external_id,
    event_message,
    execution_message,
    existing_events,
    has_completed,
    import_external_id,
    node_external_id,
    note_empty_ports,
    output_external_id,
    put_facts,
)
from pipeline_lib.metadata.mlmd_text import stored_text
from pipeline_lib.metadata.mlmd_types import (
    CONTEXT_TYPES,
    EXECUTION_CACHE,
    FACT,
    INTERNAL,
    NODE,
    PIPELINE,
    PIPELINE_RUN,
    STORE_NAME,
    STORE_TYPE,
    STORE_VERSION,
)
from pipeline_lib.metadata.mlmd_values import get_value, put_value
from pipeline_lib.metadata.planner import TAUGHT, teach_planner
from pipeline_lib.metadata.records import (
    ORPHANED,
    ArtifactState,
    NewArtifact,
    NewExecution,
    NodeKey,
    Ports,
    State,
    StoredArtifact,
)

# Conflicts in a row over one row of the store: each means that somebody else went on.
_TURNS = 20

if TYPE_CHECKING:
    from pipeline_lib.metadata.store import Store
    from pipeline_lib.plan.models import ArtifactType
    from pipeline_lib.settings import MetadataSettings

_TAUGHT = "taught"


def open_store(settings: "MetadataSettings | str") -> "Store":
    """Connect to a metadata store; it is created if it is not there.

    Args:
        settings: A profile's metadata section, or a url: `sqlite:///path`, `postgresql://user@host/database`,
            `mysql://user@host/database`.

    Raises:
        MetadataUrlError: The url is of no known kind, or incomplete.
        SecretError: The url holds a password in clear, or there is nothing behind the password's reference.
        MetadataUnavailableError: The store cannot be reached.
        MetadataVersionError: It was written by another schema version.
    """
    store = MlmdStore(Connection(parse_database(settings)))
    store.prepare()
    return store


class MlmdStore(MlmdClaims):
    """See `Store`."""

    def prepare(self) -> None:
        """Make sure that our types are there, and that they are of this version.

        Raises:
            MetadataVersionError: The store was written by another version.
        """
        mark = self._context(STORE_TYPE, STORE_NAME)
        if mark is None:
            with self._connection.creating():
                for name in (*CONTEXT_TYPES, STORE_TYPE):
                    self._types.context_type_id(name)
                mark = self._context(STORE_TYPE, STORE_NAME) or self._put_mark()
        version = mark.custom_properties["version"].int_value
        if version != STORE_VERSION:
            raise MetadataVersionError(
                "the metadata store was written by another version of pipeline_lib",
                at=str(self._connection.database),
                needs=STORE_VERSION,
                got=version,
                fix="use the version that wrote it, or name another database in the profile",
            )
        if mark.id and mark.custom_properties[_TAUGHT].int_value < TAUGHT:
            self._teach(mark)

    def _teach(self, mark: Any) -> None:
        """What a store's database has to know to stay fast, where an earlier version made the store."""
        with self._connection.creating():
            if teach_planner(self._connection.database):
                mark.custom_properties[_TAUGHT].int_value = TAUGHT
                self._call("put_contexts", [mark], [f"custom_properties.{_TAUGHT}"])

    def _put_mark(self) -> Any:
        from ml_metadata.proto import metadata_store_pb2 as pb

        mark = pb.Context(type_id=self._types.context_type_id(STORE_TYPE), name=STORE_NAME)
        mark.custom_properties["version"].int_value = STORE_VERSION
        if self._connection.taught or teach_planner(self._connection.database):
            mark.custom_properties[_TAUGHT].int_value = TAUGHT
        self._call("put_contexts", [mark])
        return mark

    def register_types(self, types: Mapping[str, "ArtifactType"]) -> None:
        """See `Store.register_types`."""
        self._types.register(types)

    def start(self, execution: NewExecution, *, claims: bool = False) -> int:
        """See `Store.start`."""
        message = self._execution(execution, State.RUNNING)
        pairs = existing_events("INPUT", execution.inputs)
        marks = marks_of(execution.parameters, execution.facts)
        if claims:
            message.external_id = claim_external_id(execution.cache_key, 0)
        for _ in range(_TURNS):
            try:
                return self._put_execution(message, pairs, execution.key, execution.cache_key, marks)[0]
            except ConflictError:
                found = self._call("get_execution_by_type_and_name", execution.type_name, message.name)
                if found is not None:  # the answer to the first attempt was lost on the way
                    return int(found.id)
                if claims:
                    after = self._last_claim(execution.cache_key)
                    message.external_id = claim_external_id(execution.cache_key, after)
        raise self._conflict(execution.key)

    def complete(
        self,
        execution_id: int,
        key: NodeKey,
        outputs: Mapping[str, Sequence[NewArtifact]],
        facts: Mapping[str, Any],
    ) -> Ports:
        """See `Store.complete`."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        message = self._execution_message(execution_id)
        if f"{FACT}{ORPHANED}" in message.custom_properties and not has_completed(message):
            raise DeclaredDeadError(
                f"{key} of run {key.run_id} took so long that it was cleared away as dead",
                at=f"execution {execution_id}",
                fix="run again, unless another try has taken its place",
            )
        message.external_id = node_external_id(key)
        message.last_known_state = pb.Execution.COMPLETE
        put_facts(message, facts)
        note_empty_ports(message, outputs, outputs=True)
        span = self._run_span(key.run_id)
        places, pairs = [], []
        for port, artifacts in outputs.items():
            for index, artifact in enumerate(artifacts):
                made = self._new_artifact(
                    artifact,
                    key,
                    port,
                    span,
                    external_id=output_external_id(message.external_id, port, index),
                )
                places.append((port, index))
                pairs.append((made, event_message("OUTPUT", [(port, index)], artifact_id=None)))
        cache_key = get_value(message.custom_properties[f"{INTERNAL}cache_key"])
        try:
            marks = marks_of({}, facts, outputs)
            _, ids = self._put_execution(message, pairs, key, cache_key, marks)
        except ConflictError as error:
            winner = self.completed(key)
            if winner is not None and winner.id == execution_id:
                return winner.outputs
            raise self._already_complete(key, None if winner is None else winner.id) from error
        return self._published(outputs, places, ids)

    def _published(
        self,
        outputs: Mapping[str, Sequence[NewArtifact]],
        places: Sequence[tuple[str, int]],
        ids: Sequence[int],
    ) -> Ports:
        messages = self._call("get_artifacts_by_id", ids) if ids else []
        by_id = {found.id: found for found in self._artifacts(messages)}
        found = {place: by_id[id_] for place, id_ in zip(places, ids, strict=True)}
        return {
            port: tuple(found[port, index] for index in range(len(artifacts)))
            for port, artifacts in outputs.items()
        }

    def record_cached(
        self, execution: NewExecution, outputs: Ports, *, cached_from: int
    ) -> tuple[int, Ports]:
        """See `Store.record_cached`."""
        message = self._execution(execution, State.CACHED)
        put_value(message.custom_properties, CACHED_FROM, cached_from)
        return self._record_existing(message, execution, outputs, "OUTPUT"), outputs

    def record_resolved(self, execution: NewExecution, outputs: Ports) -> tuple[int, Ports]:
        """Record a resolver's choice: a COMPLETE execution whose outputs are existing artifacts.

        Raises:
            AlreadyCompleteError: The node of that run is already complete with another choice.
        """
        message = self._execution(execution, State.COMPLETE)
        return self._record_existing(message, execution, outputs, "INTERNAL_OUTPUT"), outputs

    def _record_existing(self, message: Any, execution: NewExecution, outputs: Ports, event_kind: str) -> int:
        message.external_id = node_external_id(execution.key)
        note_empty_ports(message, outputs, outputs=True)
        pairs = existing_events("INPUT", execution.inputs) + existing_events(event_kind, outputs)
        try:
            return self._put_execution(message, pairs, execution.key, execution.cache_key)[0]
        except ConflictError as error:
            winner = self.completed(execution.key)
            if winner is not None and _ids(winner.outputs) == _ids(outputs):
                return winner.id  # the same artifacts: a repeat, or another process came to the same answer
            raise self._already_complete(execution.key, None if winner is None else winner.id) from error

    def renew(self, execution_id: int, facts: Mapping[str, Any]) -> bool:
        """See `Store.renew`."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        stored = self._execution_message(execution_id)
        if stored.last_known_state != pb.Execution.RUNNING:
            return False
        change = pb.Execution(id=execution_id, type_id=stored.type_id)
        mask = [f"custom_properties.{name}" for name in put_facts(change, facts)]
        self._call("put_executions", [change], mask)
        return True

    def finish(self, execution_id: int, state: State, facts: Mapping[str, Any]) -> None:
        """See `Store.finish`. An execution that completed meanwhile stays complete."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        stored = self._execution_message(execution_id)
        change = pb.Execution(id=execution_id, type_id=stored.type_id)
        names = put_facts(change, facts)
        mask = [f"custom_properties.{name}" for name in names]
        if not has_completed(stored):
            change.last_known_state = pb.Execution.State.Value(state.value)
            mask.append("last_known_state")
        if not mask:
            return
        self._call("put_executions", [change], mask)
        if not has_completed(stored) and has_completed(self._execution_message(execution_id)):
            change.last_known_state = pb.Execution.COMPLETE
            self._call("put_executions", [change], ["last_known_state"])

    def import_artifact(
        self, execution: NewExecution, artifact: NewArtifact, *, port: str = "result"
    ) -> tuple[int, StoredArtifact]:
        """See `Store.import_artifact`; `port` is the importer's output."""
        external_id = import_external_id(artifact)
        known = self._imported(external_id)
        if known is not None and known.state is not ArtifactState.LIVE:
            known = self._revive(known)
        if known is None:
            message = self._execution(execution, State.COMPLETE)
            message.external_id = node_external_id(execution.key)
            made = self._new_artifact(
                artifact, execution.key, port, self._run_span(execution.key.run_id), external_id=external_id
            )
            pair = (made, event_message("OUTPUT", [(port, 0)], artifact_id=None))
            try:
                id_, ids = self._put_execution(message, [pair], execution.key, execution.cache_key)
                return id_, self._artifacts(self._call("get_artifacts_by_id", ids))[0]
            except ConflictError:
                known = self._imported(external_id)
                if known is None:
                    raise self._already_complete(execution.key, None) from None
        message = self._execution(execution, State.CACHED)
        put_value(message.custom_properties, CACHED_FROM, 0)
        return self._record_existing(message, execution, {port: (known,)}, "OUTPUT"), known

    def close(self) -> None:
        """See `Store.close`."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _execution(self, new: NewExecution, state: State) -> Any:
        return execution_message(
            new,
            type_id=self._types.execution_type_id(new.type_name),
            name=uuid.uuid4().hex,
            state=state,
            span=self._run_span(new.key.run_id),
        )

    def _new_artifact(self, new: NewArtifact, key: NodeKey, port: str, span: str, *, external_id: str) -> Any:
        return artifact_message(
            new,
            type_id=self._types.artifact_type_id(new.type_name),
            kinds=self._types.kinds(new.type_name),
            declared=self._types.declared(new.type_name),
            made_by=key,
            port=port,
            span=span,
            external_id=external_id,
        )

    def _put_execution(
        self,
        message: Any,
        pairs: Sequence[tuple[Any, Any]],
        key: NodeKey,
        cache_key: str,
        marks: Sequence[Mark] = (),
    ) -> tuple[int, list[int]]:
        """One transaction: the execution, its events, new artifacts, and the node's contexts."""
        from ml_metadata.proto import metadata_store_pb2 as pb

        names = [(PIPELINE, key.pipeline), (PIPELINE_RUN, key.run_id), (NODE, f"{key.pipeline}.{key.node}")]
        if cache_key:
            names.append((EXECUTION_CACHE, cache_key))
        contexts = [
            pb.Context(type_id=self._types.context_type_id(kind), name=stored_text(name))
            for kind, name in names
        ]
        contexts += [
            mark_context(mark, type_id=self._types.context_type_id(mark.kind.value)) for mark in marks
        ]
        id_, artifact_ids, _ = self._call(
            "put_execution", message, pairs, contexts, reuse_context_if_already_exist=True
        )
        return int(id_), list(artifact_ids)

    def _execution_message(self, execution_id: int) -> Any:
        found = self._call("get_executions_by_id", [execution_id])
        if not found:
            raise UnknownRecordError(f"there is no execution {execution_id}", fix="run `pipeline runs`")
        return found[0]

    def _imported(self, external_id: str) -> StoredArtifact | None:
        found = self._artifacts(self._by_external_id("artifacts", external_id))
        return found[0] if found else None

    def _conflict(self, key: NodeKey) -> MetadataUnavailableError:
        return MetadataUnavailableError(
            f"{key} of run {key.run_id} conflicts with what is stored, but nothing is",
            at=str(self._connection.database),
            fix="run `pipeline doctor`",
        )

    def _already_complete(self, key: NodeKey, winner: int | None) -> Exception:
        if winner is None:
            return self._conflict(key)
        return AlreadyCompleteError(
            f"{key} of run {key.run_id} was completed by another try",
            by=f"execution {winner}",
            fix="use the outputs of that one; nothing of this try was recorded",
        )


def _ids(ports: Ports) -> dict[str, list[int]]:
    return {port: [artifact.id for artifact in artifacts] for port, artifacts in ports.items()}
