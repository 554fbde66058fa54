"""Training, transform and evaluation by the million rows: pace kept, memory flat, cores kept busy."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.growth import Facts, Growth, grow
from benchmarks.measuring import SCALE_COMMAND, Comparison, Report
from benchmarks.pace import Seen, watching, within_one_execution
from benchmarks.workplace import Workplace

PIPELINES = Path(__file__).parent / "pipelines"
CASES = {
    "evaluate": ("evaluated", 5_000_000, 3),
    "train": ("trained", 15_000_000, 3),
    "transform": ("transformed", 1_500_000, 2),
}


@pytest.fixture(scope="module")
def grown(scratch: Path) -> Iterator[Workplace]:
    place = Workplace(folder=scratch / "grown", hosts=scratch / "gh", dags=PIPELINES).prepare()
    yield place
    place.stop_hosts()


@pytest.mark.slow
@pytest.mark.parametrize("node", CASES)
def test_time_is_linear_and_memory_flat(node: str, grown: Workplace, quick: bool, report: Report) -> None:
    pipeline, rows, times = CASES[node]
    rows = rows // 10 if quick else rows
    largest: list[Seen] = []

    def run(size: int, one_core: bool) -> Mapping[str, Facts]:
        with watching(grown.hosts) as seen:
            done = grown.run(pipeline, "--force", node, one_core=one_core, rows=size)
        if size == rows:
            largest.append(seen)
        return {node: grown.facts(done.answer, node)}

    def pace(growth: Growth) -> Comparison:
        if node == "transform":  # which reads its rows twice
            return growth.pace()
        return within_one_execution(node, rows, largest, "bytes_read")

    chapter = f"Training, transform and evaluation by the million rows (`{SCALE_COMMAND}`)"
    grow([node], rows, run, report, chapter, gains={}, times=1 if quick else times, pace=pace)
