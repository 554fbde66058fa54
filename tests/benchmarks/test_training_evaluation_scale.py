"""Training and evaluation by the million rows: pace kept, memory flat, and how many cores are kept busy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measuring import SCALE_COMMAND, Comparison, Report
from benchmarks.workplace import Workplace

PIPELINES = Path(__file__).parent / "pipelines"
CASES = {
    "evaluate": ("evaluated", 500_000, 5_000_000),
    "train": ("trained", 1_500_000, 15_000_000),
    "transform": ("transformed", 150_000, 1_500_000),
}


@pytest.fixture(scope="module")
def grown(scratch: Path) -> Iterator[Workplace]:
    place = Workplace(folder=scratch / "grown", hosts=scratch / "gh", dags=PIPELINES).prepare()
    yield place
    place.stop_hosts()


@pytest.mark.slow
@pytest.mark.parametrize("node", CASES)
def test_time_is_linear_and_memory_flat(node: str, grown: Workplace, quick: bool, report: Report) -> None:
    pipeline, *sizes = CASES[node]
    few, many = (size // 10 if quick else size for size in sizes)
    facts = {}
    for rows in (few // 10, few, many):  # the first starts the hosts
        record = grown.run(pipeline, rows=rows).answer
        facts[rows] = grown.facts(record, node)
    chapter = f"Training, transform and evaluation by the million rows (`{SCALE_COMMAND}`)"
    lines = [
        ("processor time of a million rows", "cpu_seconds", lambda rows: 1e6 / rows, "s"),
        ("peak memory", "peak_memory_bytes", lambda _: 1e-6, "MB"),
    ]
    for what, fact, scale, unit in lines:
        comparison = Comparison(
            what=f"{node}, {what}, {many:,}",
            beside=f"{few:,} rows",
            ours=[facts[many][fact] * scale(many)],
            other=[facts[few][fact] * scale(few)],
            at_most=1.2,
            unit=unit,
        )
        report.add(chapter, comparison)
    report.add(
        chapter,
        Comparison(
            what=f"{node}, cores kept busy, {many:,}",
            beside="cores that are there",
            ours=[facts[many]["cpu_seconds"] / facts[many]["wall_seconds"]],
            other=[2],
            unit="",
        ),
    )
