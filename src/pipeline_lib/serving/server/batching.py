"""Requests of several clients in one run of the graph, by TensorFlow Serving's batching parameters."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline_lib.serving.server.refusals import Refusal, Status, invalid

Array = np.ndarray[Any, Any]
Run = Callable[[Mapping[str, Array], Sequence[str]], list[Array]]
# Inputs, outputs and the shapes of rows: what may share a batch.
_Kind = tuple[tuple[tuple[str, str, tuple[int, ...]], ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchingOptions:
    """TensorFlow Serving's BatchingParameters, with its defaults.

    Attributes:
        max_batch_size: Rows of a batch at most; a request with more is refused.
        batch_timeout_micros: How long the first request of a batch waits for others.
        max_enqueued_batches: Batches that may wait for a thread; a request beyond them is refused.
        num_batch_threads: Batches that run at once.
        allowed_batch_sizes: Ascending, the last one `max_batch_size`: a smaller batch is filled up to the
            next of them with copies of the last request's first row. Empty: no filling.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    allowed_batch_sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        sizes = self.allowed_batch_sizes
        if min(self.max_batch_size, self.max_enqueued_batches, self.num_batch_threads) < 1:
            raise ValueError("max_batch_size, max_enqueued_batches and num_batch_threads must be positive")
        if self.batch_timeout_micros < 0:
            raise ValueError("batch_timeout_micros must be non-negative")
        if sizes and (list(sizes) != sorted(set(sizes)) or sizes[-1] != self.max_batch_size):
            raise ValueError(
                "allowed_batch_sizes entries must be in increasing order, and the last one must be "
                f"max_batch_size; got {list(sizes)} and {self.max_batch_size}"
            )

    def padded(self, rows: int) -> int:
        """How many rows a batch of so many is run with."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows)


@dataclass(slots=True)
class _Task:
    feeds: Mapping[str, Array]
    rows: int
    answer: "Future[list[Array]]"
    at: float


@dataclass(slots=True)
class _Batch:
    opened: float
    tasks: list[_Task] = field(default_factory=list)
    rows: int = 0


class Batcher:
    """Collects runs of one graph and runs them together; what it gives is what each would get alone.

    Args:
        run: Runs the graph.
        options: Sizes and times.
        waited: Told how many seconds a request waited for its batch.
    """

    def __init__(self, run: Run, options: BatchingOptions, *, waited: Callable[[float], None]) -> None:
        self._run = run
        self._options = options
        self._waited = waited
        # Batches of one kind in the order in which they were opened; only the last takes more.
        self._queues: OrderedDict[_Kind, list[_Batch]] = OrderedDict()
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, name=f"batch-{number}", daemon=True)
            for number in range(options.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, feeds: Mapping[str, Array], fetches: Sequence[str]) -> "Future[list[Array]]":
        """Run with the next batch.

        Raises:
            Refusal: INVALID_ARGUMENT for inputs without a common first dimension or with too many rows,
                UNAVAILABLE if too many batches wait.
        """
        rows = _rows(feeds)
        if rows > self._options.max_batch_size:
            raise invalid(
                f"Task size {rows} is larger than maximum input batch size {self._options.max_batch_size}"
            )
        kind = (
            tuple((name, array.dtype.str, array.shape[1:]) for name, array in feeds.items()),
            tuple(fetches),
        )
        now = time.monotonic()
        task = _Task(feeds, rows, Future(), now)
        with self._changed:
            if self._stopped:
                raise Refusal(Status.UNAVAILABLE, "Batch scheduler is shutting down")
            batches = self._queues.setdefault(kind, [])
            if not batches or batches[-1].rows + rows > self._options.max_batch_size:
                if len(batches) >= self._options.max_enqueued_batches:
                    raise Refusal(
                        Status.UNAVAILABLE,
                        "The batch scheduling queue to which this task was submitted is full",
                    )
                batches.append(_Batch(opened=now))
            batches[-1].tasks.append(task)
            batches[-1].rows += rows
            self._changed.notify()
        return task.answer

    def stop(self) -> None:
        """Run what waits, and take nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            kind, batch = taken
            now = time.monotonic()
            for task in batch.tasks:
                self._waited(now - task.at)
            try:
                answers = self._together(batch, kind[1])
            except BaseException as error:  # noqa: BLE001 -- whoever waits for it must hear of it
                for task in batch.tasks:
                    task.answer.set_exception(error)
            else:
                for task, answer in zip(batch.tasks, answers, strict=True):
                    task.answer.set_result(answer)

    def _next(self) -> tuple[_Kind, _Batch] | None:
        timeout = self._options.batch_timeout_micros / 1e6
        with self._changed:
            while True:
                now, soonest = time.monotonic(), None
                for kind, batches in self._queues.items():
                    due = batches[0].opened + timeout
                    full = len(batches) > 1 or batches[0].rows >= self._options.max_batch_size
                    if full or self._stopped or now >= due:
                        batch = batches.pop(0)
                        if batches:
                            self._queues.move_to_end(kind)  # one kind must not starve the others
                        else:
                            del self._queues[kind]
                        return kind, batch
                    soonest = due if soonest is None else min(soonest, due)
                if self._stopped:
                    return None
                self._changed.wait(None if soonest is None else soonest - now)

    def _together(self, batch: _Batch, fetches: Sequence[str]) -> list[list[Array]]:
        wanted = self._options.padded(batch.rows)
        if len(batch.tasks) == 1 and wanted == batch.rows:
            return [self._run(batch.tasks[0].feeds, fetches)]
        tasks = [task for task in batch.tasks if task.rows] or batch.tasks
        # A real row, since an invented one might fail where real ones do not.
        filling = wanted - batch.rows if batch.rows else 0
        feeds = {}
        for name in tasks[0].feeds:
            parts = [task.feeds[name] for task in tasks]
            feeds[name] = np.concatenate(parts + [parts[-1][:1]] * filling)
        answers = self._run(feeds, fetches)
        for answer in answers:
            if answer.ndim == 0:
                raise Refusal(Status.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
            if len(answer) != batch.rows + filling:
                raise Refusal(
                    Status.FAILED_PRECONDITION,
                    "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes "
                    "of the input tensors",
                )
        ends = np.cumsum([task.rows for task in batch.tasks]).tolist()
        return [
            [answer[end - task.rows : end] for answer in answers]
            for task, end in zip(batch.tasks, ends, strict=True)
        ]


def _rows(feeds: Mapping[str, Array]) -> int:
    sizes = set()
    for array in feeds.values():
        if array.ndim == 0:
            raise invalid("Batching Run() input tensors must have at least one dimension")
        sizes.add(len(array))
    if len(sizes) != 1:
        raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
    return int(sizes.pop())
