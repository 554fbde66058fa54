"""ML Metadata's messages to our records and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline_lib.hashing import canonical_json, digest
from pipeline_lib.metadata.mlmd_text import given_text, stored_text
from pipeline_lib.metadata.mlmd_types import FACT, INTERNAL, TFX_STAMPS, TFX_VERSION
from pipeline_lib.metadata.mlmd_values import (
    get_fact,
    get_properties,
    get_value,
    put_equal,
    put_fact,
    put_properties,
    put_value,
)
from pipeline_lib.metadata.records import (
    ArtifactState,
    NewArtifact,
    NewExecution,
    NodeKey,
    Ports,
    Run,
    State,
    StoredArtifact,
    StoredExecution,
)

PARAMETERS = f"{INTERNAL}parameters"
CACHED_FROM = f"{INTERNAL}cached_from"
MARKED_AFTER = "marked_after"
_CLAIM = "claim-"
_EMPTY_INPUTS, _EMPTY_OUTPUTS = f"{INTERNAL}empty_inputs", f"{INTERNAL}empty_outputs"


def node_external_id(key: NodeKey) -> str:
    """What only one execution of this node of this run can ever have."""
    return digest(
        "node-key",
        {"pipeline": key.pipeline, "run": key.run_id, "node": key.node, "iteration": list(key.iteration)},
    )


def output_external_id(node_id: str, port: str, index: int) -> str:
    """What only one artifact can ever have: without it, a repeat of `complete` would publish twice."""
    return digest("node-output", [node_id, port, index])


def claim_external_id(cache_key: str, after: int) -> str:
    """What only one try that computes this result can have, as the next one after the try `after` (or 0)."""
    return f"{_CLAIM}{digest('claim', [cache_key, after])}"


def has_claimed(message: Any) -> bool:
    """Whether an execution has claimed to be the one that computes its result, and not completed it."""
    return bool(message.external_id.startswith(_CLAIM))


def has_completed(message: Any) -> bool:
    """Whether an execution has completed its node: its external id is the node's."""
    return bool(message.external_id) and not has_claimed(message)


def maker_external_id(artifact: Any) -> str:
    """The external id of the execution that made a stored artifact; "" where the artifact does not tell."""
    custom = artifact.custom_properties
    if not _internal(custom, "run_id", ""):
        return ""
    return node_external_id(
        NodeKey(
            pipeline=_internal(custom, "pipeline", ""),
            run_id=_internal(custom, "run_id", ""),
            node=_internal(custom, "node", ""),
            iteration=tuple(json.loads(_internal(custom, "iteration", "[]"))),
        )
    )


def import_external_id(artifact: NewArtifact) -> str:
    """Equal for imports of the same files under the same type and properties."""
    content = [artifact.type_name, artifact.uri, artifact.digest, dict(artifact.properties)]
    return digest("imported-artifact", content)


def execution_message(new: NewExecution, *, type_id: int, name: str, state: State, span: str) -> Any:
    """An execution to be stored; parameters are readable custom properties, and exact in one JSON text."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    message = pb.Execution(type_id=type_id, name=name, last_known_state=pb.Execution.State.Value(state.value))
    custom = message.custom_properties
    for parameter, value in new.parameters.items():
        put_value(custom, stored_text(parameter), value)
        put_equal(custom, parameter, value)
    put_value(custom, PARAMETERS, canonical_json(dict(new.parameters)))
    put_value(custom, f"{INTERNAL}pipeline", new.key.pipeline)
    put_value(custom, f"{INTERNAL}run_id", new.key.run_id)
    put_value(custom, f"{INTERNAL}node", new.key.node)
    put_value(custom, f"{INTERNAL}cache_key", new.cache_key)
    if new.key.iteration:
        put_value(custom, f"{INTERNAL}iteration", canonical_json(list(new.key.iteration)))
    if span:
        put_value(custom, f"{INTERNAL}run_span", span)
    note_empty_ports(message, new.inputs, outputs=False)
    put_facts(message, new.facts)
    return message


def put_facts(message: Any, facts: Mapping[str, Any]) -> list[str]:
    """Write facts into an execution or context; returns their names there."""
    names = [f"{FACT}{stored_text(name)}" for name in facts]
    for name, fact in zip(names, facts.values(), strict=True):
        put_fact(message.custom_properties, name, fact)
    return names


def note_empty_ports(message: Any, ports: Mapping[str, Sequence[Any]], *, outputs: bool) -> None:
    """A port with an empty list has no event: without a note it would read as absent."""
    empty = sorted(port for port, artifacts in ports.items() if not artifacts)
    if empty:
        put_value(
            message.custom_properties, _EMPTY_OUTPUTS if outputs else _EMPTY_INPUTS, canonical_json(empty)
        )


def artifact_message(
    new: NewArtifact,
    *,
    type_id: int,
    kinds: Mapping[str, str],
    declared: Iterable[str],
    made_by: NodeKey,
    port: str,
    span: str,
    external_id: str,
) -> Any:
    """A LIVE artifact to be stored, with TFX's stamps and ours."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    message = pb.Artifact(
        type_id=type_id, uri=stored_text(new.uri), state=pb.Artifact.LIVE, external_id=external_id
    )
    put_properties(message, new.properties, kinds=kinds, declared=frozenset(declared))
    custom = message.custom_properties
    for name, text in hidden_stamps(new.type_name).items():
        if name not in custom:
            put_value(custom, name, text)
    internal = {
        "digest": new.digest,
        "size_bytes": new.size_bytes,
        "pipeline": made_by.pipeline,
        "node": made_by.node,
        "port": port,
        "run_id": made_by.run_id,
    }
    put_properties(
        message,
        {f"{INTERNAL}{name}": value for name, value in internal.items()}
        | ({f"{INTERNAL}iteration": canonical_json(list(made_by.iteration))} if made_by.iteration else {})
        | ({f"{INTERNAL}run_span": span} if span else {}),
        kinds={},
        declared=(),
    )
    return message


def hidden_stamps(type_name: str) -> Mapping[str, str]:
    """Custom properties that are there for TFX's tools only."""
    return {**TFX_VERSION, **TFX_STAMPS.get(type_name, {})}


def event_message(kind: str, places: Sequence[tuple[str, int]], *, artifact_id: int | None) -> Any:
    """An event; one artifact under several ports is one event with several key and index pairs."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    event = pb.Event(type=pb.Event.Type.Value(kind))
    if artifact_id is not None:
        event.artifact_id = artifact_id
    for port, index in places:
        event.path.steps.add().key = stored_text(port)
        event.path.steps.add().index = index
    return event


def existing_events(kind: str, ports: Ports) -> list[tuple[None, Any]]:
    """Events for artifacts that are there already: the ids only, lest what is stored be overwritten."""
    places: dict[int, list[tuple[str, int]]] = {}
    for port, artifacts in ports.items():
        for index, artifact in enumerate(artifacts):
            places.setdefault(artifact.id, []).append((port, index))
    return [(None, event_message(kind, where, artifact_id=id_)) for id_, where in places.items()]


def stored_artifact(message: Any, *, kinds: Mapping[str, str]) -> StoredArtifact:
    """One artifact as a record; also one that TFX itself wrote."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    custom = message.custom_properties
    state = pb.Artifact.State.Name(message.state) if message.state else "LIVE"
    return StoredArtifact(
        id=message.id,
        type_name=message.type,
        uri=given_text(message.uri),
        digest=_internal(custom, "digest", ""),
        properties=get_properties(message, kinds=kinds, hidden=hidden_stamps(message.type)),
        state=ArtifactState(state) if state in ArtifactState.__members__ else ArtifactState.ABANDONED,
        size_bytes=_internal(custom, "size_bytes", 0),
        pipeline=_internal(custom, "pipeline", ""),
        node=_internal(custom, "node", ""),
        port=_internal(custom, "port", ""),
        run_id=_internal(custom, "run_id", ""),
        created_at=_time(message.create_time_since_epoch),
        updated_at=_time(message.last_update_time_since_epoch),
        marked_after=_internal(custom, MARKED_AFTER, 0),
    )


def stored_execution(
    message: Any, *, inputs: Ports | None = None, outputs: Ports | None = None
) -> StoredExecution:
    """One execution as a record; also one that TFX itself wrote."""
    custom = message.custom_properties
    parameters = (
        json.loads(get_value(custom[PARAMETERS])) if PARAMETERS in custom else _foreign_parameters(custom)
    )
    return StoredExecution(
        id=message.id,
        key=NodeKey(
            pipeline=_internal(custom, "pipeline", ""),
            run_id=_internal(custom, "run_id", ""),
            node=_internal(custom, "node", ""),
            iteration=tuple(json.loads(_internal(custom, "iteration", "[]"))),
        ),
        type_name=message.type,
        state=execution_state(message),
        cache_key=_internal(custom, "cache_key", ""),
        parameters=parameters,
        facts=get_facts(message),
        started_at=_time(message.create_time_since_epoch),
        updated_at=_time(message.last_update_time_since_epoch),
        inputs=_with_empty(custom, _EMPTY_INPUTS, inputs),
        outputs=_with_empty(custom, _EMPTY_OUTPUTS, outputs),
    )


def execution_state(message: Any) -> State:
    """The state; whoever holds its node's external id succeeded, whatever a late `finish` wrote over it."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    if has_completed(message):
        return State.CACHED if CACHED_FROM in message.custom_properties else State.COMPLETE
    name = pb.Execution.State.Name(message.last_known_state)
    if name == "NEW":
        return State.RUNNING
    return State(name) if name in State.__members__ else State.FAILED


def get_facts(message: Any) -> dict[str, Any]:
    """Facts of an execution or a run."""
    custom = message.custom_properties
    return {
        given_text(name.removeprefix(FACT)): get_fact(custom[name])
        for name in sorted(custom)
        if name.startswith(FACT)
    }


def run_message(run: Run, *, type_id: int, run_context_id: int | None = None) -> tuple[Any, list[str]]:
    """A run's context, and the names of its custom properties."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    message = pb.Context(id=run_context_id, type_id=type_id, name=stored_text(run.run_id))
    custom = message.custom_properties
    internal = {
        "pipeline": run.pipeline,
        "state": run.state.value,
        "span": run.span,
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
    }
    given = {f"{INTERNAL}{name}": value for name, value in internal.items() if value}
    put_properties(message, given, kinds={}, declared=())
    if run.parameters:
        put_value(custom, PARAMETERS, canonical_json(dict(run.parameters)))
    put_facts(message, run.facts)
    return message, sorted(custom)


def stored_run(message: Any) -> Run:
    """A run's context as a record."""
    custom = message.custom_properties
    started, ended = _internal(custom, "started_at", ""), _internal(custom, "ended_at", "")
    state = State(_internal(custom, "state", State.RUNNING.value))
    return Run(
        pipeline=_internal(custom, "pipeline", ""),
        run_id=given_text(message.name),
        state=state,
        span=_internal(custom, "span", ""),
        parameters=json.loads(get_value(custom[PARAMETERS])) if PARAMETERS in custom else {},
        facts=get_facts(message),
        started_at=datetime.fromisoformat(started) if started else _time(message.create_time_since_epoch),
        # A run that was resumed has the end of its first part still written.
        ended_at=datetime.fromisoformat(ended) if ended and state is not State.RUNNING else None,
        id=message.id,
    )


def _foreign_parameters(custom: Any) -> dict[str, Any]:
    return {name: get_value(custom[name]) for name in sorted(custom) if not name.startswith("__")}


def _with_empty(custom: Any, note: str, ports: Ports | None) -> Ports:
    if ports is None:
        return {}
    empty = json.loads(get_value(custom[note])) if note in custom else []
    return {**ports, **{port: () for port in empty if port not in ports}}


def _internal(custom: Any, name: str, default: Any) -> Any:
    full = f"{INTERNAL}{name}"
    return get_value(custom[full]) if full in custom else default


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
