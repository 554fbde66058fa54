"""Floor: read a CSV, split its rows, write Parquet, with pyarrow alone.

    python arrow_ingest.py DATA.csv OUT_DIR REPETITIONS

Each repetition runs in a fresh child of a process that has imported everything, as a component's body does.
The last line printed is JSON: seconds of each repetition, imports not counted.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas  # noqa: F401  pyarrow imports it at its first use
import pyarrow as pa
import pyarrow.dataset
from pyarrow import csv, parquet


def ingest(source, folder):
    folder.mkdir(parents=True)
    table = csv.read_csv(source)
    train = np.random.default_rng(0).random(table.num_rows) < 2 / 3
    for split, rows in (("train", train), ("eval", ~train)):
        parquet.write_table(
            table.filter(pa.array(rows)),
            folder / f"{split}.parquet",
            compression="zstd",
            row_group_size=65_536,
        )


def seconds_in_child(source, folder):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        started = time.perf_counter()
        ingest(source, folder)
        os.write(writing, str(time.perf_counter() - started).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        text = answer.read()
    if status or not text:
        sys.exit("the child failed")
    return float(text)


def main(source, out, repetitions):
    seconds = [seconds_in_child(source, Path(out) / str(number)) for number in range(int(repetitions))]
    sys.stdout.write(json.dumps(seconds) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
