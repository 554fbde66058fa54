"""Lineage over ever longer histories: each query at 1 k, 10 k and 100 k executions, SQLite and PostgreSQL."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
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
    found: dict[int, Mapping[str, list[float]]] = {}
    for size in SIZES[:2] if quick else SIZES:
        last, seconds = timed_build(place.format(size), size)
        print(f"\n{place.split(':')[0]}: {size} executions built in {seconds:.0f} s", flush=True)
        with open_store(place.format(size)) as store:
            found[size] = _measured(store, last, repetitions=3 if quick else 7)
    smallest, *larger = found
    for size in larger:
        for name, samples in found[size].items():
            report.add(
                f"Lineage on {place.split(':')[0]}",
                Comparison(
                    what=f"{name}, {size} executions",
                    beside=f"{smallest} executions",
                    ours=samples,
                    other=found[smallest][name],
                    at_most=2.0 if name.startswith(BOUND) else None,
                    unit="ms",
                ),
            )
    slow = {
        name: statistics.median(samples)
        for name, samples in found[max(found)].items()
        if name.startswith(BOUND) and statistics.median(samples) > GOAL_MS
    }
    if slow:
        print(f"above {GOAL_MS:.0f} ms: {slow}", flush=True)


def _measured(store: Store, last: int, *, repetitions: int) -> Mapping[str, list[float]]:
    """Milliseconds of each query about a run in the middle of the history."""
    # In the middle, far enough from both ends that its window and its reach are whole.
    run = max(min(last // 2 + PERIOD // 2, last - PERIOD // 2), PERIOD // 2)
    (push,) = explain(store, Subject(version=version_of(run))).pushes
    when = push.pushed_at + timedelta(minutes=1)
    model = Subject(version=version_of(run))
    before = Subject(version=version_of(run - 1))
    second = PageRequest(cursor=timeline(store, TARGET).next_cursor)
    queries: Mapping[str, Callable[[], object]] = {
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
        "search by pipeline and node": lambda: search(
            store, SearchQuery.parsed("Model pipeline:flight-delays node:train")
        ),
        "search by run": lambda: search(store, SearchQuery.parsed(f"executions run:run-{number_of(run)}")),
        "search by parameter": lambda: search(store, SearchQuery.parsed("executions train_steps=2000")),
    }
    return {name: [_milliseconds(query) for _ in range(repetitions)] for name, query in queries.items()}


def _milliseconds(query: Callable[[], object]) -> float:
    began = time.perf_counter()
    query()
    return 1_000 * (time.perf_counter() - began)
