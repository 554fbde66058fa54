"""What a process that died left behind: told from what is alive, and cleared away."""

import os
import socket
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import psutil

from pipeline_lib.artifacts.store import ArtifactStore, Place, staging_name
from pipeline_lib.metadata.records import ORPHANED, NodeKey, State, StoredExecution
from pipeline_lib.metadata.store import Store

# Files cannot be older than the execution they are of; clocks of two machines may differ by this much.
_CLOCKS = timedelta(minutes=5)
_RECENT_TRIES = 10


def staging_key(key: NodeKey, execution_id: int) -> str:
    """What the staging directory of a try is asked for by; its name begins with the execution's id."""
    return f"{execution_id}-{key.run_id}-{key}"


def is_alive(facts: Mapping[str, Any]) -> bool:
    """Whether the process that wrote these facts still runs; of another host nobody here can say no."""
    if facts.get("host") != socket.gethostname():
        return True
    pid, born = facts.get("pid"), facts.get("pid_started")
    if not isinstance(pid, int):
        return False
    if pid == os.getpid():
        return True
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - float(born or 0)) < 2
    except psutil.NoSuchProcess:
        return False


def is_dead(execution: StoredExecution) -> bool:
    """Whether a try is recorded as running and its process is gone."""
    return execution.state is State.RUNNING and not is_alive(execution.facts)


def clear_away(store: Store, artifacts: ArtifactStore, execution: StoredExecution) -> None:
    """Mark a dead try FAILED, and delete what it wrote.

    The mark comes first: if the process lives after all, it cannot publish any more what is deleted here.

    Raises:
        MetadataUnavailableError: The store does not answer.
        ArtifactStoreError: Files cannot be deleted.
    """
    store.finish(execution.id, State.FAILED, {ORPHANED: True})
    key = execution.key
    for place in unrecorded(
        store, artifacts, pipeline=key.pipeline, node=str(key), execution_id=execution.id
    ):
        artifacts.remove(place.uri)
    artifacts.discard(artifacts.staging(staging_key(key, execution.id)))


def clear_dead_tries(store: Store, artifacts: ArtifactStore, key: NodeKey) -> list[int]:
    """Clear away dead ones among the latest tries of a node, of this run or another; returns their ids."""
    dead = [
        execution
        for execution in store.node_history(key.pipeline, key.node, limit=_RECENT_TRIES)
        if is_dead(execution)
    ]
    for execution in dead:
        clear_away(store, artifacts, execution)
    return [execution.id for execution in dead]


def unrecorded(
    store: Store,
    artifacts: ArtifactStore,
    *,
    pipeline: str | None = None,
    node: str | None = None,
    execution_id: int | None = None,
) -> Iterator[Place]:
    """Files under final names that no execution put out, and none alive can yet put out.

    Files of another metadata store that shares the root are left alone, as far as they can be told.
    """
    for place in artifacts.places(pipeline=pipeline, node=node, execution_id=execution_id):
        maker = store.execution(place.execution_id)  # read after the place was seen
        if maker is not None and _is_leftover(place, maker):
            yield place


def _is_leftover(place: Place, maker: StoredExecution) -> bool:
    if (place.pipeline, place.node) != (maker.key.pipeline, str(maker.key)):
        return False
    if place.written_at is not None and place.written_at < maker.started_at - _CLOCKS:
        return False
    if maker.state is State.RUNNING:
        return not is_alive(maker.facts)
    recorded = (artifact.uri for port in maker.outputs.values() for artifact in port)
    return not any(uri == place.uri or uri.startswith(f"{place.uri}/") for uri in recorded)


def owner_of_staging(store: Store, name: str) -> StoredExecution | None:
    """The execution that a staging directory is of; None for another store's, or what is none."""
    id_, _, _ = name.partition("-")
    execution = store.execution(int(id_)) if id_.isdecimal() else None
    if execution is None or staging_name(staging_key(execution.key, execution.id)) != name:
        return None
    return execution
