"""Everything that is asked of ML Metadata; every question is a fixed number of calls."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline_lib.metadata.connection import Connection, NotStoredError
from pipeline_lib.metadata.mlmd_listing import MlmdListing
from pipeline_lib.metadata.mlmd_records import (
    maker_external_id,
    node_external_id,
    stored_artifact,
    stored_execution,
    stored_run,
)
from pipeline_lib.metadata.mlmd_text import given_text, quoted, stored_text
from pipeline_lib.metadata.mlmd_types import EXECUTION_CACHE, INTERNAL, NODE, PIPELINE_RUN, TypeRegistry
from pipeline_lib.metadata.mlmd_values import between, equals
from pipeline_lib.metadata.records import (
    ArtifactQuery,
    NodeKey,
    Ports,
    Run,
    Slice,
    StoredArtifact,
    StoredExecution,
)

# What a cache look-up or a list by mark may return.
SUCCEEDED = "last_known_state IN (COMPLETE, CACHED)"


class MlmdReader(MlmdListing):
    """The reading half of the store."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._types = TypeRegistry(connection)

    def completed(self, key: NodeKey) -> StoredExecution | None:
        """See `Store.completed`."""
        found = self._by_external_id("executions", node_external_id(key))
        return self._with_ports(found)[0] if found else None

    def cache_candidates(self, cache_key: str, *, limit: int = 10) -> Sequence[StoredExecution]:
        """See `Store.cache_candidates`."""
        return self._with_ports(self._of_context(EXECUTION_CACHE, cache_key, limit, SUCCEEDED))

    def node_history(self, pipeline: str, node: str, *, limit: int = 20) -> Sequence[StoredExecution]:
        """See `Store.node_history`."""
        context = self._context(NODE, f"{pipeline}.{node}")
        if context is None:
            return []
        found = self._listed("get_executions", [within_context(context.id)], Slice(limit=limit))
        return [stored_execution(message) for message in found]

    def execution(self, execution_id: int) -> StoredExecution | None:
        """See `Store.execution`."""
        found = self._call("get_executions_by_id", [execution_id])
        return self._with_ports(found)[0] if found else None

    def run_executions(self, run_id: str) -> Sequence[StoredExecution]:
        """See `Store.run_executions`."""
        return self._with_ports(list(reversed(self._of_context(PIPELINE_RUN, run_id, None))))

    def active_executions(self, *, limit: int = 1000) -> Sequence[StoredExecution]:
        """See `Store.active_executions`."""
        options = self._list_options(limit, filter_query="last_known_state = RUNNING", newest_first=False)
        found = self._call("get_executions", list_options=options)
        return [stored_execution(message) for message in found]

    def run(self, run_id: str) -> Run | None:
        """See `Store.run`."""
        found = self._context(PIPELINE_RUN, run_id)
        return None if found is None else stored_run(found)

    def runs(self, pipeline: str | None = None, *, limit: int = 20) -> Sequence[Run]:
        """See `Store.runs`."""
        conditions = [self._of_type(PIPELINE_RUN)]
        if pipeline is not None:
            conditions.append(equals(f"{INTERNAL}pipeline", pipeline))
        found = self._listed("get_contexts", conditions, Slice(limit=limit), at_once=pipeline is None)
        return [stored_run(message) for message in found]

    def artifact(self, artifact_id: int) -> StoredArtifact | None:
        """See `Store.artifact`."""
        found = self._artifacts(self._call("get_artifacts_by_id", [artifact_id]))
        return found[0] if found else None

    def artifacts_by_uri(self, uri: str) -> Sequence[StoredArtifact]:
        """See `Store.artifacts_by_uri`."""
        return self._artifacts(self._call("get_artifacts_by_uri", stored_text(uri)))

    def artifacts(self, query: ArtifactQuery) -> Sequence[StoredArtifact]:
        """See `Store.artifacts`."""
        within = Slice(
            limit=query.limit,
            after=query.id_after,
            made_before=query.made_before,
            oldest_first=query.oldest_first,
        )
        return self._artifacts(self._listed("get_artifacts", self._conditions(query), within))

    def producers(self, artifact_ids: Sequence[int]) -> Sequence[StoredExecution]:
        """See `Store.producers`."""
        # By the name of the maker, not by events: a schema may be an input of every run there ever was.
        wanted = set(artifact_ids)
        messages = self._call("get_artifacts_by_id", sorted(wanted)) if wanted else []
        names = sorted({maker_external_id(message) for message in messages} - {""})
        found = self._with_ports(self._by_external_ids("executions", names), chosen=False)
        made = {a.id for execution in found for outputs in execution.outputs.values() for a in outputs}
        if rest := wanted - made:
            known = {execution.id for execution in found}
            found += [execution for execution in self._first_writers(rest) if execution.id not in known]
        return sorted(found, key=lambda execution: execution.id)

    def _first_writers(self, artifact_ids: Iterable[int]) -> list[StoredExecution]:
        """The makers of artifacts that do not name theirs: another tool wrote them."""
        first: dict[int, int] = {}
        for event in self._events_of(sorted(artifact_ids)):
            if _event_kind(event) in ("OUTPUT", "DECLARED_OUTPUT"):
                known = first.get(event.artifact_id, event.execution_id)
                first[event.artifact_id] = min(known, event.execution_id)
        return self._numbered(sorted(set(first.values())))

    def consumers(self, artifact_ids: Sequence[int], *, limit: int = 1000) -> Sequence[StoredExecution]:
        """See `Store.consumers`."""
        events = self._events_of(artifact_ids)
        used = sorted({event.execution_id for event in events if _event_kind(event).endswith("INPUT")})
        return self._numbered(used[:limit])

    def _events_of(self, artifact_ids: Sequence[int]) -> list[Any]:
        wanted = sorted(set(artifact_ids))
        if not wanted:
            return []
        try:
            return list(self._call("get_events_by_artifact_ids", wanted))
        except NotStoredError:
            return []

    def _numbered(self, execution_ids: Sequence[int]) -> list[StoredExecution]:
        if not execution_ids:
            return []
        found = self._call("get_executions_by_id", execution_ids)
        return self._with_ports(sorted(found, key=lambda message: message.id), chosen=False)

    def _conditions(self, query: ArtifactQuery) -> list[str]:
        conditions = [] if query.any_state else ["state = LIVE"]
        kinds: Mapping[str, str] = {}
        if query.type_name is not None:
            conditions.append(f"type = {quoted(query.type_name)}")
            kinds = self._types.kinds(query.type_name)
        for name, value in (("pipeline", query.pipeline), ("node", query.node), ("port", query.port)):
            if value is not None:
                conditions.append(equals(f"{INTERNAL}{name}", value))
        if query.span is not None:
            conditions += between("span", *query.span)
        if query.run_span_before is not None:
            conditions.append(
                f"custom_properties.{INTERNAL}run_span.string_value < {quoted(query.run_span_before)}"
            )
        conditions += [equals(name, value, kind=kinds.get(name)) for name, value in query.equal.items()]
        return conditions

    def _by_external_id(self, what: str, external_id: str) -> list[Any]:
        return self._by_external_ids(what, [external_id])

    def _by_external_ids(self, what: str, external_ids: Sequence[str]) -> list[Any]:
        if not external_ids:
            return []
        try:
            return list(self._call(f"get_{what}_by_external_ids", external_ids))
        except NotStoredError:
            return []

    def _of_type(self, context_type: str) -> str:
        """The filter for contexts of a type: by number, which has an index; by name all contexts are read."""
        known = self._types.known_context_type_id(context_type)
        return "id < 0" if known is None else f"type_id = {known}"

    def _context(self, type_name: str, name: str) -> Any:
        return self._call("get_context_by_type_and_name", type_name, stored_text(name))

    def _of_context(
        self, type_name: str, name: str, limit: int | None, condition: str | None = None
    ) -> list[Any]:
        """Executions of a context of few, newest first; see `within_context` for those of many."""
        context = self._context(type_name, name)
        if context is None:
            return []
        options = self._list_options(limit, filter_query=condition)
        return list(self._call("get_executions_by_context", context.id, list_options=options))

    def _artifacts(self, messages: Sequence[Any]) -> list[StoredArtifact]:
        return [stored_artifact(message, kinds=self._types.kinds(message.type)) for message in messages]

    def _with_ports(self, executions: Sequence[Any], *, chosen: bool = True) -> list[StoredExecution]:
        """Executions with inputs and outputs: two calls, however many there are.

        Args:
            executions: Messages.
            chosen: Whether what a resolver chose counts as its output.
        """
        if not executions:
            return []
        events = self._call("get_events_by_execution_ids", [message.id for message in executions])
        ids = sorted({event.artifact_id for event in events})
        if not chosen:
            events = [event for event in events if _event_kind(event) != "INTERNAL_OUTPUT"]
        messages = self._call("get_artifacts_by_id", ids) if ids else []
        artifacts = {found.id: found for found in self._artifacts(messages)}
        events_of: dict[int, list[Any]] = {}
        for event in events:
            events_of.setdefault(event.execution_id, []).append(event)
        return [
            stored_execution(
                message,
                inputs=_ports(events_of.get(message.id, ()), artifacts, ending="INPUT"),
                outputs=_ports(events_of.get(message.id, ()), artifacts, ending="OUTPUT"),
            )
            for message in executions
        ]


def within_context(context_id: int) -> str:
    """The filter for what belongs to a context of many executions.

    ML Metadata's own call for it, faster for few, reads the ids of all that ever belonged.
    """
    return f"contexts_a.id = {int(context_id)}"


def _event_kind(event: Any) -> str:
    from ml_metadata.proto import metadata_store_pb2 as pb

    return str(pb.Event.Type.Name(event.type))


def _ports(events: Sequence[Any], artifacts: Mapping[int, StoredArtifact], *, ending: str) -> Ports:
    found: dict[str, dict[int, StoredArtifact]] = {}
    for event in events:
        kind = _event_kind(event)
        if event.artifact_id not in artifacts:  # its row was removed by other tools
            continue
        if not kind.endswith(ending) or kind == "PENDING_OUTPUT":
            continue
        port = ""
        for step in event.path.steps:
            if step.WhichOneof("value") == "key":
                port = given_text(step.key)
                found.setdefault(port, {})
            else:
                found.setdefault(port, {})[step.index] = artifacts[event.artifact_id]
    return {port: tuple(items[index] for index in sorted(items)) for port, items in sorted(found.items())}
