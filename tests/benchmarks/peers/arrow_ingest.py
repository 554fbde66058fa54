"""Floor: read a CSV, split its rows, write Parquet, with pyarrow alone.

    python arrow_ingest.py DATA.csv OUT_DIR REPETITIONS

The last line printed is JSON: seconds of each repetition, imports not counted.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet


def main(source, out, repetitions):
    seconds = []
    for number in range(int(repetitions)):
        folder = Path(out) / str(number)
        folder.mkdir(parents=True)
        started = time.perf_counter()
        table = csv.read_csv(source)
        train = np.random.default_rng(0).random(table.num_rows) < 2 / 3
        for split, rows in (("train", train), ("eval", ~train)):
            parquet.write_table(
                table.filter(pa.array(rows)),
                folder / f"{split}.parquet",
                compression="zstd",
                row_group_size=65_536,
            )
        seconds.append(time.perf_counter() - started)
    sys.stdout.write(json.dumps(seconds) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
