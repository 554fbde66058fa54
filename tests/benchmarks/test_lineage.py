"""Lineage over ever longer histories: queries and pages at 1 k to 100 k executions, SQLite and PostgreSQL."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from benchmarks.lineage_store import (
    PERIOD,
    PIPELINE,
    TARGET,
    number_of,
    sha256_of,
    span_of,
    timed_build,
    version_of,
)
from benchmarks.measuring import Comparison, Report
from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store
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
from pipeline_lib.lineage.web.standalone import standalone_application
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store
from postgres_server import own_server

SIZES = (1_000, 10_000, 100_000)
# Queries of a fixed amount of history have these goals; every page has one.
BOUND = ("explain", "impact", "timeline")
QUERY_GOAL_MS, PAGE_GOAL_MS = 300.0, 1_000.0


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, scratch: Path) -> Iterator[str]:
    """A url with a `{}` for the name of a store."""
    if request.param == "sqlite":
        yield f"sqlite:///{scratch}/lineage-{{}}.sqlite"
        return
    with own_server(scratch / "lineage-server") as server:
        yield server.url("lineage_{}")


def test_lineage(place: str, scratch: Path, quick: bool, report: Report) -> None:
    backend = place.split(":", maxsplit=1)[0]
    sizes = SIZES[:2] if quick else SIZES
    artifacts = open_artifact_store(str(scratch / "artifacts"), cache_dir=scratch / "cache")
    with ExitStack() as stack:
        queries: dict[int, Mapping[str, Callable[[], object]]] = {}
        pages: dict[int, Mapping[str, Callable[[], object]]] = {}
        for size in sizes:
            last, seconds = timed_build(place.format(size), size)
            print(f"\n{backend}: {size} executions built in {seconds:.0f} s", flush=True)
            store = stack.enter_context(open_store(place.format(size)))
            queries[size], pages[size] = _queries(store, last), _pages(store, artifacts, last)
        for heading, subjects, goal in (
            (f"Lineage on {backend}", queries, QUERY_GOAL_MS),
            (f"Pages on {backend}", pages, PAGE_GOAL_MS),
        ):
            found = _measured(subjects, repetitions=3 if quick else 7)
            _report(report, heading, found, sizes=sizes, goal=goal)


def _report(
    report: Report,
    heading: str,
    found: Mapping[tuple[str, int], list[float]],
    *,
    sizes: Sequence[int],
    goal: float,
) -> None:
    """Of each subject how it grows with the history, and at the longest one how it stands to the goal."""
    for (name, size), samples in found.items():
        has_goal = goal == PAGE_GOAL_MS or name.startswith(BOUND)
        if size != sizes[0]:
            report.add(
                heading,
                Comparison(
                    what=f"{name}, {size} executions",
                    beside=f"{sizes[0]} executions",
                    ours=samples,
                    other=found[name, sizes[0]],
                    at_most=2.0 if name.startswith(BOUND) else None,
                    unit="ms",
                ),
            )
        if size == sizes[-1] and has_goal:
            report.add(
                heading,
                Comparison(
                    what=f"{name}, {size} executions",
                    beside="the goal",
                    ours=samples,
                    other=[goal],
                    at_most=1.0,
                    unit="ms",
                ),
            )


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
    """Each query about a run in the middle of the history."""
    run = _in_the_middle(last)
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


def _pages(store: Store, artifacts: ArtifactStore, last: int) -> Mapping[str, Callable[[], object]]:
    """Each kind of page about a run in the middle of the history."""
    application = standalone_application(store, artifacts, token=None)
    client = TestClient(application, base_url="http://localhost", follow_redirects=False)
    run = _in_the_middle(last)
    found = explain(store, Subject(version=version_of(run)))
    model, (maker, *_) = found.model, store.producers([found.model.id])
    version, before = version_of(run), version_of(run - 1)

    def get(place: str) -> Callable[[], object]:
        def ask() -> None:
            answer = client.get(place)
            assert answer.status_code == 200, (place, answer.text)

        return ask

    return {
        "overview": get("/"),
        "runs": get("/runs"),
        "runs of a pipeline": get(f"/runs?pipeline={PIPELINE}"),
        "run": get(f"/runs/run-{number_of(run)}"),
        "execution": get(f"/executions/{maker.id}"),
        "artifacts": get("/artifacts"),
        "artifacts of a node": get(f"/artifacts?type=Model&pipeline={PIPELINE}&node=train"),
        "artifact": get(f"/artifacts/{model.id}"),
        "lineage up": get(f"/artifacts/{model.id}/lineage"),
        "lineage down": get(f"/artifacts/{model.id}/lineage?direction=down"),
        "models": get("/models"),
        "model": get(f"/models/version:{version}"),
        "serving": get(f"/serving?target={TARGET}"),
        "compare": get(f"/compare?before=version:{before}&after=version:{version}"),
        "impact of a file": get(f"/impact?of=file:{sha256_of(run)[:12]}"),
        "impact of a span": get(f"/impact?of=span:{span_of(run)}"),
        "search by type": get("/search?q=Model"),
        "search by property": get("/search?q=ModelBlessing+blessed%3Dtrue"),
        "search in vain": get("/search?q=Model+train_steps%3D1"),
        "search by parameter": get("/search?q=executions+train_steps%3D2000"),
    }


def _in_the_middle(last: int) -> int:
    """A run in the middle of the history, where its window and its reach are whole."""
    return max(min(last // 2 + PERIOD // 2, last - PERIOD // 2), PERIOD // 2)


def _milliseconds(query: Callable[[], object]) -> float:
    began = time.perf_counter()
    query()
    return 1_000 * (time.perf_counter() - began)
