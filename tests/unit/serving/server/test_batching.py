"""Requests that are run together get what each would get alone."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from typing import Any

import numpy as np
import pytest

from pipeline_lib.serving.server.batching import Batcher, BatchingOptions
from pipeline_lib.serving.server.refusals import Refusal, Status

Array = np.ndarray[Any, Any]


class Graph:
    """Doubles x, and remembers how many rows each run had."""

    def __init__(self) -> None:
        self.runs: list[list[float]] = []
        self.waiting, self.free = threading.Event(), threading.Event()
        self.free.set()

    def __call__(self, feeds: Mapping[str, Array], fetches: Sequence[str]) -> list[Array]:
        self.waiting.set()
        self.free.wait(60)
        self.runs.append(feeds["x"].ravel().tolist())
        if list(fetches) == ["scalar"]:
            return [np.float32(1)]
        if list(fetches) == ["short"]:
            return [feeds["x"][:1]]
        if np.any(feeds["x"] < 0):
            raise Refusal(Status.INVALID_ARGUMENT, "negative")
        return [feeds["x"] * 2 for _ in fetches]


def batcher(graph: Graph, **options: Any) -> Batcher:
    chosen = {"batch_timeout_micros": 50_000, "num_batch_threads": 1} | options
    return Batcher(graph, BatchingOptions(**chosen), waited=[].append)


def x(*rows: float) -> dict[str, Array]:
    return {"x": np.array(rows, np.float32)}


def test_requests_share_a_run_and_get_their_own_rows() -> None:
    graph = Graph()
    made = batcher(graph, max_batch_size=4)
    futures = [made.submit(x(1, 2), ["y"]), made.submit(x(3), ["y"]), made.submit(x(4), ["y"])]
    assert [one.result(60)[0].tolist() for one in futures] == [[2, 4], [6], [8]]
    assert graph.runs == [[1, 2, 3, 4]]
    made.stop()


def test_a_batch_is_filled_up_with_a_real_row() -> None:
    graph = Graph()
    made = batcher(graph, max_batch_size=8, allowed_batch_sizes=(4, 8))
    futures = [made.submit(x(1), ["y"]), made.submit(x(5, 6), ["y"])]
    assert [one.result(60)[0].tolist() for one in futures] == [[2], [10, 12]]
    assert graph.runs == [[1, 5, 6, 5]]
    assert made.submit(x(), ["y"]).result(60)[0].tolist() == []
    made.stop()


def test_what_has_another_shape_or_asks_for_other_outputs_runs_apart() -> None:
    graph = Graph()
    made = batcher(graph, max_batch_size=8)
    wide = {"x": np.ones([1, 2], np.float32)}
    futures = [made.submit(x(1), ["y"]), made.submit(wide, ["y"]), made.submit(x(1), ["y", "z"])]
    assert [len(one.result(60)) for one in futures] == [1, 1, 2]
    assert len(graph.runs) == 3
    made.stop()


def test_a_failed_run_fails_all_of_its_requests_and_no_later_one() -> None:
    made = batcher(Graph(), max_batch_size=4)
    futures = [made.submit(x(-1), ["y"]), made.submit(x(1), ["y"])]
    wait(futures, 5)
    assert {str(one.exception()) for one in futures} == {"negative"}
    assert made.submit(x(1), ["y"]).result(60)[0].tolist() == [2]
    made.stop()


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        pytest.param(x(1, 2, 3), "Task size 3 is larger than maximum input batch size 2", id="too-large"),
        pytest.param({"x": np.float32(1)}, "at least one dimension", id="scalar"),
        pytest.param({**x(1), "z": np.ones(2)}, "equal 0th-dimension size", id="uneven"),
    ],
)
def test_what_cannot_be_batched(feeds: dict[str, Array], message: str) -> None:
    made = batcher(Graph(), max_batch_size=2)
    with pytest.raises(Refusal, match=message):
        made.submit(feeds, ["y"])
    made.stop()


@pytest.mark.parametrize(
    ("output", "message"), [("scalar", "has 0 dimensions"), ("short", "does not equal the sum")]
)
def test_outputs_that_cannot_be_split(output: str, message: str) -> None:
    made = batcher(Graph(), max_batch_size=2)
    futures = [made.submit(x(1), [output]), made.submit(x(2), [output])]
    with pytest.raises(Refusal, match=message):
        futures[0].result(60)
    made.stop()


def test_a_full_queue_refuses_and_a_stopped_one_takes_nothing() -> None:
    graph = Graph()
    graph.free.clear()
    made = batcher(graph, max_batch_size=1, max_enqueued_batches=1, batch_timeout_micros=0)
    futures = [made.submit(x(1), ["y"])]
    assert graph.waiting.wait(60)
    futures.append(made.submit(x(2), ["y"]))
    with pytest.raises(Refusal, match="queue to which this task was submitted is full"):
        made.submit(x(3), ["y"])
    graph.free.set()
    made.stop()
    assert all(one.done() for one in futures)
    with pytest.raises(Refusal, match="shutting down"):
        made.submit(x(1), ["y"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_batch_size": 0}, "must be positive"),
        ({"batch_timeout_micros": -1}, "non-negative"),
        ({"max_batch_size": 8, "allowed_batch_sizes": (4, 2, 8)}, "increasing order"),
        ({"max_batch_size": 8, "allowed_batch_sizes": (2, 4)}, "last one must be"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BatchingOptions(**options)
