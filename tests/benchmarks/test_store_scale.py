"""A node costs the store the same after a hundred executions and after a hundred thousand."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.measuring import Comparison, Report
from benchmarks.store_history import NODES, RECORDED, execution_of, open_run, parts_of, publish, write_history
from pipeline_lib import caching
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import CachePolicy
from postgres_server import own_server

SIZES = (RECORDED, 1_000, 10_000, 100_000)
ROUNDS = 80
UNMEASURED = 5
CHAPTER = "A node's calls to the store, after so many executions of the same pipeline"


class _NothingToVerify:
    """Verification reads files, whatever the store's size; it is no part of this."""

    def verify(self, uri: str, digest: str, *, full: bool = False) -> None:
        del uri, digest, full


@pytest.fixture(scope="module")
def sqlite(scratch: Path) -> Callable[[int], str]:
    folder = scratch / "stores"
    folder.mkdir()
    return lambda size: f"sqlite:///{folder}/{size}.sqlite"


@pytest.fixture(scope="module")
def postgresql(scratch: Path) -> Iterator[Callable[[int], str]]:
    with own_server(scratch / "history-server") as server:
        yield lambda size: server.url(f"history{size}")


@dataclass(frozen=True, slots=True)
class Work:
    """What one node asks of the store, once in each round."""

    store: Store

    def hit(self, number: int) -> None:
        """A cached node: its result is looked up, and its use recorded."""
        node, run = number % NODES, number // NODES % (RECORDED // NODES)
        found = self._find(node, run)
        assert isinstance(found, caching.Hit)
        execution = execution_of(node, run, f"hit-{number}", ())
        self.store.record_cached(execution, found.outputs, cached_from=found.execution.id)

    def miss(self, number: int) -> None:
        """A node to be executed: nothing is found, and the history tells why."""
        found = self._find(number % NODES, RECORDED + number)
        assert isinstance(found, caching.Miss)
        assert "run" in found.reason.text

    def publish(self, number: int) -> None:
        """An executed node: its start, then its output and its end."""
        publish(self.store, number % NODES, 2 * RECORDED + number, f"publish-{number}")

    def prepare(self, number: int) -> None:
        """Runs are opened beforehand: that is no node's work."""
        for kind in ("hit", "publish"):
            open_run(self.store, f"{kind}-{number}")

    def _find(self, node: int, run: int) -> caching.Hit | caching.Miss:
        return caching.find(
            self.store,
            _NothingToVerify(),
            parts_of(node, run),
            CachePolicy(),
            pipeline="nightly",
            node=f"step_{node}",
            now=datetime.now(UTC),
        )


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_node_costs_the_same_whatever_the_history(
    backend: str, request: pytest.FixtureRequest, quick: bool, report: Report
) -> None:
    url: Callable[[int], str] = request.getfixturevalue(backend)
    sizes = SIZES[:-1] if quick else SIZES
    for size in sizes:
        write_history(url(size), size)
    with ExitStack() as stack:
        works = {size: Work(stack.enter_context(open_store(url(size)))) for size in sizes}
        measured = in_turns(works)
    what = {
        "hit": "cached node, look-up and record",
        "miss": "look-up that finds nothing, and why",
        "publish": "executed node, start and publish",
    }
    for kind, samples in measured.items():
        # A node's history is read as far back as some tries: only from here on there are as many.
        base = SIZES[1] if kind == "miss" else SIZES[0]
        for size in [size for size in sizes if size > base]:
            comparison = Comparison(
                what=f"{backend}, {what[kind]}, {size:,}",
                beside=f"{base:,} executions",
                ours=samples[size],
                other=samples[base],
                at_most=1.3,
                unit="ms",
            )
            report.add(CHAPTER, comparison)


def in_turns(works: Mapping[int, Work]) -> dict[str, dict[int, list[float]]]:
    """Milliseconds by kind of work and size, every size in each round."""
    kinds = ("hit", "miss", "publish")
    measured: dict[str, dict[int, list[float]]] = {kind: {size: [] for size in works} for kind in kinds}
    for number in range(UNMEASURED + ROUNDS):
        for size, work in works.items():
            work.prepare(number)
            for kind in kinds:
                started = time.perf_counter()
                getattr(work, kind)(number)
                if number >= UNMEASURED:
                    measured[kind][size].append(1e3 * (time.perf_counter() - started))
    return measured
