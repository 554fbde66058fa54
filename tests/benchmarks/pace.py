"""The pace of a body within one execution: early and late rows then meet the same minute of the machine."""

import statistics
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from benchmarks.measuring import Comparison
from pipeline_lib.runtime.host.starting import running_hosts
from pipeline_lib.settings import HostSettings

_EVERY_SECONDS = 0.1
# Shares of the bytes: before the first it starts, after the last it ends, and draws its report.
_BOUNDS = (0.1, 0.525, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a child had used, and how far it had come, at one moment."""

    cpu_seconds: float
    bytes_read: int
    bytes_written: int


Moved = Literal["bytes_read", "bytes_written"]
"""What tells how far it has come."""
Seen = Mapping[str, Sequence[Reading]]
"""Readings of one run by node."""


@contextmanager
def watching(hosts: Path) -> Iterator[Seen]:
    """Read the counters of all children of the hosts there ten times a second, while the block runs."""
    seen: dict[str, list[Reading]] = defaultdict(list)
    done = threading.Event()

    def watch() -> None:
        settings = HostSettings(directory=hosts)
        while not done.wait(_EVERY_SECONDS):
            for _, status in running_hosts(settings):
                for child in status.children:
                    if (reading := _read(child.pid)) is not None:
                        seen[child.label].append(reading)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _read(pid: int) -> Reading | None:
    try:
        process = psutil.Process(pid)
        times, moved = process.cpu_times(), process.io_counters()
    except psutil.NoSuchProcess:
        return None
    return Reading(
        cpu_seconds=times.user + times.system,
        bytes_read=moved.read_chars,
        bytes_written=moved.write_chars,
    )


def within_one_execution(node: str, rows: int, runs: Sequence[Seen], moved: Moved) -> Comparison:
    """A line of the report: late rows beside early ones, in the execution whose ratio is the middle one.

    Args:
        node: Which.
        rows: How many it had.
        runs: All of them.
        moved: What it does steadily, from the first row to the last.
    """
    paces = [_early_and_late(run[node], rows, moved) for run in runs]
    early, late = statistics.median_high((late / early, early, late) for early, late in paces)[1:]
    start, middle, end = (f"{100 * share:g}" for share in _BOUNDS)
    return Comparison(
        what=f"{node}, processor time of a million rows, {middle} to {end} % of {rows:,}",
        beside=f"{start} to {middle} %, the middle of {len(runs)} executions",
        ours=[late],
        other=[early],
        at_most=1.2,
    )


def _early_and_late(readings: Sequence[Reading], rows: int, moved: Moved) -> tuple[float, float]:
    """Seconds of a million rows."""
    began, ended = getattr(readings[0], moved), getattr(readings[-1], moved)

    def at(share: float) -> Reading:
        return next(one for one in readings if getattr(one, moved) >= began + share * (ended - began))

    def pace(first: Reading, last: Reading) -> float:
        share = (getattr(last, moved) - getattr(first, moved)) / (ended - began)
        return (last.cpu_seconds - first.cpu_seconds) / (share * rows / 1e6)

    start, middle, end = map(at, _BOUNDS)
    return pace(start, middle), pace(middle, end)
