"""What a process that died left behind: told from what is alive, and cleared away."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipeline_lib.artifacts.store import ArtifactStore, Place, staging_name
from pipeline_lib.metadata.records import ORPHANED, NodeKey, State, StoredExecution
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.leases import has_run_out, is_this_machine
from pipeline_lib.runtime.processes import birth_of

if TYPE_CHECKING:
    import psutil

# Files cannot be older than the execution they are of; clocks of two machines may differ by this much.
_CLOCKS = timedelta(minutes=5)
_RECENT_TRIES = 10
_TRIES_OF_A_NODE = 200
_END_SECONDS = 5.0


def staging_key(key: NodeKey, execution_id: int) -> str:
    """What the staging directory of a try is asked for by; its name begins with the execution's id."""
    return f"{execution_id}-{key.run_id}-{key}"


def is_alive(facts: Mapping[str, Any]) -> bool:
    """Whether the process that wrote these facts still runs; on another machine, whether its lease does."""
    if not is_this_machine(facts):
        return not has_run_out(facts)
    return facts.get("pid") == os.getpid() or _process(facts) is not None


def _process(facts: Mapping[str, Any]) -> "psutil.Process | None":
    """The living process of this machine that wrote these facts."""
    import psutil  # here, because hardly a run meets another's try

    pid, born = facts.get("pid"), facts.get("pid_started")
    if not isinstance(pid, int):
        return None
    try:
        process = psutil.Process(pid)
        same = born is not None and birth_of(pid) == born
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


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
    _delete_files(store, artifacts, execution)


def _delete_files(store: Store, artifacts: ArtifactStore, execution: StoredExecution) -> None:
    """What a dead try wrote, that no execution put out."""
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


def give_up(store: Store, artifacts: ArtifactStore, execution: StoredExecution, state: State) -> None:
    """End a try that nobody waits for any more, whether its process lives or not.

    On this machine the process is killed, and its child with it. On another it is told by the store: it
    stops when it comes to renew its lease, and takes its files along; it cannot publish before.

    Args:
        store: Where the try is recorded.
        artifacts: Where its files are.
        execution: The try, recorded as running.
        state: What becomes of it: FAILED, or CANCELED if somebody stopped it.

    Raises:
        MetadataUnavailableError: The store does not answer.
        ArtifactStoreError: Files cannot be deleted.
    """
    store.finish(execution.id, state, {ORPHANED: True})
    process = _process(execution.facts) if is_this_machine(execution.facts) else None
    if process is not None and process.pid != os.getpid():
        import psutil

        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            process.kill()
            process.wait(_END_SECONDS)
    if is_dead(execution):
        _delete_files(store, artifacts, execution)


def give_up_older_tries(store: Store, artifacts: ArtifactStore, key: NodeKey, attempt: int) -> list[int]:
    """End the tries that came before, of a node whose orchestrator allows one at a time; their ids.

    Args:
        store: Where the tries are recorded.
        artifacts: Where their files are.
        key: The node.
        attempt: Number of the try that is about to start, from 1.
    """
    if attempt <= 1:
        return []
    older = [
        execution
        for execution in store.node_history(key.pipeline, key.node, limit=_TRIES_OF_A_NODE)
        if execution.key == key and execution.state is State.RUNNING and execution.facts["try"] < attempt
    ]
    for execution in older:
        give_up(store, artifacts, execution, State.FAILED)
    return [execution.id for execution in older]


def give_up_run(store: Store, artifacts: ArtifactStore, run_id: str) -> list[int]:
    """End what is recorded as running in a run of which nothing runs any more; the ids.

    What still lives was stopped by somebody and had no time yet to record that: it is CANCELED.
    """
    given_up = []
    for seen in store.run_executions(run_id):
        if seen.state is not State.RUNNING:
            continue
        alive = is_alive(seen.facts)
        # Read after the process was seen: its last deed may have been to record its own end.
        now = store.execution(seen.id)
        if now is not None and now.state is State.RUNNING:
            give_up(store, artifacts, now, State.CANCELED if alive else State.FAILED)
            given_up.append(now.id)
    return given_up


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
