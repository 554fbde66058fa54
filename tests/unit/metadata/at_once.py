"""What other processes do to a store while a test looks, or several at once."""

import multiprocessing
import sqlite3
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from pipeline_lib.errors import AlreadyCompleteError, ClaimedError
from pipeline_lib.metadata.database import creation_lock, parse_database
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import Run, State
from unit.metadata.building import examples, key, new, publish, ready


def young() -> ForkServerContext:
    """Processes that are no forks of the test's own, which may have threads, of gRPC's above all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipeline_lib.metadata.mlmd"])
    return context


def in_processes(body: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> list[Any]:
    """Run `body` at once in as many processes as there are arguments; their results, or errors, in order."""
    context = young()
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


def open_run(url: str, barrier: Any, number: int) -> None:
    with open_store(url) as store:
        barrier.wait(60)
        store.open_run(
            Run(pipeline="flights", run_id="run-1", state=State.RUNNING, facts={f"task-{number}": number})
        )


def hold_creation_lock(url: str, journal: Any, number: int) -> None:
    with creation_lock(parse_database(url)):
        journal.send((number, "in"))
        time.sleep(0.05)
        journal.send((number, "out"))


def hold_file(path: Path, holding: Any, seconds: float) -> None:
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        holding.set()
        time.sleep(seconds)
