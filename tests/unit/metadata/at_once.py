"""What several processes do to one store at once; each returns what the test asks about."""

import multiprocessing
from collections.abc import Callable
from typing import Any

from pipeline_lib.errors import AlreadyCompleteError, ClaimedError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import State
from unit.metadata.building import examples, key, new, publish, ready


def in_processes(body: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> list[Any]:
    """Run `body` at once in as many processes as there are arguments; their results, or errors, in order."""
    # Not forks of this process: it may have threads, of gRPC's above all.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipeline_lib.metadata.mlmd"])
    barrier = context.Barrier(len(arguments))
    pipes = [context.Pipe(duplex=False) for _ in arguments]
    processes = [
        context.Process(target=_in_process, args=(barrier, writer, body, given_arguments))
        for (_, writer), given_arguments in zip(pipes, arguments, strict=True)
    ]
    for process, (_, writer) in zip(processes, pipes, strict=True):
        process.start()
        writer.close()  # or nobody would learn of its death
    results = [reader.recv() for reader, _ in pipes]
    for process in processes:
        process.join(60)
    return results


def _in_process(barrier: Any, pipe: Any, body: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    barrier.wait(60)
    try:
        pipe.send(body(*arguments))
    except Exception as error:  # noqa: BLE001  (the test decides what it means)
        pipe.send(error)


def open_and_publish(url: str, number: int) -> int:
    with open_store(url) as store:
        ready(store, f"run-{number % 2}")
        return publish(store, f"node-{number}", f"run-{number % 2}")[1].id


def complete(url: str, number: int) -> str:
    with open_store(url) as store:
        execution_id = store.start(new())
        try:
            store.complete(execution_id, key(), {"examples": [examples(f"/artifacts/{number}")]}, {})
        except AlreadyCompleteError:
            return "lost"
        return f"/artifacts/{number}"


def publish_many(url: str, number: int) -> list[int]:
    with open_store(url) as store:
        return [publish(store, f"node-{number}", f"run-{turn}")[1].id for turn in range(10)]


def note(url: str, execution_id: int, number: int) -> None:
    with open_store(url) as store:
        store.finish(execution_id, State.FAILED, {f"fact-{number}": number})


def claim(url: str, number: int) -> str:
    with open_store(url) as store:
        try:
            store.start(new(run_id=f"run-{number}"), claims=True)
        except ClaimedError:
            return "refused"
        return "claimed"
