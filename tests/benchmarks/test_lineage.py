"""Lineage over ever longer histories: each query at 1 k, 10 k and 100 k executions, SQLite and PostgreSQL."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.lineage_store import PERIOD, TARGET, number_of, sha256_of, span_of, timed_build, version_of
from benchmarks.measuring import Comparison, Report
from pipeline_lib.lineage import (
    PageRequest,
    SearchQuery,
    Subject,
    diff,
    explain,
    impact,
    live_at,
    search,
    timeline,
)
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store

SIZES = (1_000, 10_000, 100_000)
GOAL_MS = 300.0
# Queries of a fixed amount of history: the goal holds for these.
BOUND = ("explain", "impact", "timeline")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, scratch: Path) -> Iterator[str]:
    """A url with a `{}` for the name of a store."""
    if request.param == "sqlite":
        yield f"sqlite:///{scratch}/lineage-{{}}.sqlite"
        return
    import pgserver

    server = pgserver.get_server(scratch / "pg", cleanup_mode="delete")
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.psql(f"ALTER SYSTEM SET {setting} = off;")
    server.psql("SELECT pg_reload_conf();")
    info = server.get_postmaster_info()
    yield f"postgresql://postgres@/lineage_{{}}?host={info.socket_dir}"
    pid = server.get_pid()
    if pid is not None:
        os.kill(pid, signal.SIGQUIT)  # stops at once, without a checkpoint
    server.cleanup()


def test_lineage(place: str, quick: bool, report: Report) -> None:
    backend = place.split(":", maxsplit=1)[0]
    sizes = SIZES[:2] if quick else SIZES
    with ExitStack() as stack:
        queries: dict[int, Mapping[str, Callable[[], object]]] = {}
        for size in sizes:
            last, seconds = timed_build(place.format(size), size)
            print(f"\n{backend}: {size} executions built in {seconds:.0f} s", flush=True)
            queries[size] = _queries(stack.enter_context(open_store(place.format(size))), last)
        found = _measured(queries, repetitions=3 if quick else 7)
    for (name, size), samples in found.items():
        if size == sizes[0]:
            continue
        report.add(
            f"Lineage on {backend}",
            Comparison(
                what=f"{name}, {size} executions",
                beside=f"{sizes[0]} executions",
                ours=samples,
                other=found[name, sizes[0]],
                at_most=2.0 if name.startswith(BOUND) else None,
                unit="ms",
            ),
        )
    slow = {
        name: round(statistics.median(samples))
        for (name, size), samples in found.items()
        if size == sizes[-1] and name.startswith(BOUND) and statistics.median(samples) > GOAL_MS
    }
    if slow:
        print(f"above {GOAL_MS:.0f} ms: {slow}", flush=True)


def _measured(
    queries: Mapping[int, Mapping[str, Callable[[], object]]], *, repetitions: int
) -> dict[tuple[str, int], list[float]]:
    """Milliseconds by query and size, the sizes in turns: another process's load then strikes all."""
    found: dict[tuple[str, int], list[float]] = {}
    for name in next(iter(queries.values())):
        for _ in range(repetitions):
            for size, of_size in queries.items():
                found.setdefault((name, size), []).append(_milliseconds(of_size[name]))
    return found


def _queries(store: Store, last: int) -> Mapping[str, Callable[[], object]]:
    """Each query about a run in the middle of the history, where its window and its reach are whole."""
    run = max(min(last // 2 + PERIOD // 2, last - PERIOD // 2), PERIOD // 2)
    (push,) = explain(store, Subject(version=version_of(run))).pushes
    when = push.pushed_at + timedelta(minutes=1)
    model, before = Subject(version=version_of(run)), Subject(version=version_of(run - 1))
    second = PageRequest(cursor=timeline(store, TARGET).next_cursor)
    trained = SearchQuery.parsed("Model pipeline:flight-delays node:train")
    of_run = SearchQuery.parsed(f"executions run:run-{number_of(run)}")
    return {
        "explain a version": lambda: explain(store, model),
        "explain a time": lambda: explain(store, Subject(at=when)),
        "diff of two": lambda: diff(explain(store, before), explain(store, model)),
        "impact of a file's hash": lambda: impact(store, f"file:{sha256_of(run)[:12]}"),
        "impact of a file's name": lambda: impact(store, f"file:{number_of(run)}.csv"),
        "impact of a span": lambda: impact(store, f"span:{span_of(run)}"),
        "timeline, first page": lambda: timeline(store, TARGET),
        "timeline, second page": lambda: timeline(store, TARGET, page=second),
        "what served at a time": lambda: live_at(store, TARGET, when),
        "search by type": lambda: search(store, SearchQuery.parsed("Model")),
        "search by pipeline and node": lambda: search(store, trained),
        "search by run": lambda: search(store, of_run),
        "search by parameter": lambda: search(store, SearchQuery.parsed("executions train_steps=2000")),
    }


def _milliseconds(query: Callable[[], object]) -> float:
    began = time.perf_counter()
    query()
    return 1_000 * (time.perf_counter() - began)
