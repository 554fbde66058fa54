"""Peer: TFRecord files with batched parsing beside our data accessor over Parquet, in one process.

    python training_input.py ROWS BATCH REPETITIONS

Both give shuffled batches of the same rows: 20 features (10 float, 6 int64, 4 text) and a label. TFRecord
is not compressed and read as its guide advises: batch, then parse whole batches, in parallel, ahead.
Batches are taken twice: inside a tf.function, as `fit` of either Keras takes them, and one by one in Python,
where making 21 tensors a batch costs more than reading them.
The last line printed is JSON: rows per second, in turns.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf
from google.protobuf import text_format
from pyarrow import parquet
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from pipeline_components.train import TensorFlowDatasetOptions
from pipeline_components.train._data import tf_dataset_factory

SHUFFLED = 10_000
FLOATS = [f"number_{i}" for i in range(10)]
INTS = [f"count_{i}" for i in range(6)]
TEXTS = [f"word_{i}" for i in range(4)]
LABEL = "label"


def table_of(rows):
    random = np.random.default_rng(0)
    words = np.array([f"word {i}" for i in range(1000)])
    columns = {name: random.normal(size=rows).astype(np.float32) for name in FLOATS}
    columns |= {name: random.integers(0, 1000, rows) for name in INTS}
    columns |= {name: words[random.integers(0, 1000, rows)] for name in TEXTS}
    return pa.table(columns | {LABEL: random.integers(0, 2, rows)})


def schema_of(table):
    kinds = {pa.float32(): "FLOAT", pa.int64(): "INT", pa.string(): "BYTES"}
    features = "".join(
        f'feature {{ name: "{field.name}" type: {kinds[field.type]} '
        "presence { min_fraction: 1.0 } shape { dim { size: 1 } } }\n"
        for field in table.schema
    )
    return text_format.Parse(features, schema_pb2.Schema())


def write_tfrecord(table, schema, path):
    encoder = RecordBatchToExamplesEncoder(schema)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for batch in table.to_batches(max_chunksize=10_000):
            offsets = pa.array(np.arange(batch.num_rows + 1, dtype=np.int32))
            values = [c.cast(pa.binary()) if pa.types.is_string(c.type) else c for c in batch.columns]
            lists = [pa.ListArray.from_arrays(offsets, column) for column in values]
            for example in encoder.encode(pa.RecordBatch.from_arrays(lists, names=batch.schema.names)):
                writer.write(example)


def tfrecord(path, batch):
    spec = {name: tf.io.FixedLenFeature([1], tf.float32) for name in FLOATS}
    spec |= {name: tf.io.FixedLenFeature([1], tf.int64) for name in [*INTS, LABEL]}
    spec |= {name: tf.io.FixedLenFeature([1], tf.string) for name in TEXTS}

    def parse(serialised):
        features = tf.io.parse_example(serialised, spec)
        return features, features.pop(LABEL)

    rows = tf.data.TFRecordDataset([str(path)])
    rows = rows.shuffle(SHUFFLED).repeat().batch(batch)
    return rows.map(parse, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def ours(path, batch, schema):
    options = TensorFlowDatasetOptions(batch_size=batch, label_key=LABEL, shuffle_buffer_size=SHUFFLED)
    return tf_dataset_factory(str(path), options, schema)


@tf.function
def take(batches, steps):
    for _ in tf.range(steps):
        next(batches)


def take_in_python(batches, steps):
    for _ in range(int(steps)):
        next(batches)


def rate(dataset, rows, batch, *, compiled):
    """Rows per second over one pass, after some batches to fill the buffers."""
    batches = iter(dataset)
    consume = take if compiled else take_in_python
    consume(batches, tf.constant(20))
    steps = rows // batch
    started = time.perf_counter()
    consume(batches, tf.constant(steps))
    return steps * batch / (time.perf_counter() - started)


def main(rows, batch, repetitions):
    table = table_of(rows)
    schema = schema_of(table)
    with tempfile.TemporaryDirectory() as folder:
        parquet.write_table(table, f"{folder}/rows.parquet", compression="zstd", row_group_size=65_536)
        write_tfrecord(table, schema, Path(folder) / "rows.tfrecord")
        rates = {kind: {"ours": [], "theirs": []} for kind in ("compiled", "python")}
        for _ in range(repetitions):
            for kind, measured in rates.items():
                compiled = kind == "compiled"
                mine = ours(f"{folder}/rows.parquet", batch, schema)
                measured["ours"].append(rate(mine, rows, batch, compiled=compiled))
                theirs = tfrecord(f"{folder}/rows.tfrecord", batch)
                measured["theirs"].append(rate(theirs, rows, batch, compiled=compiled))
    sys.stdout.write("\n" + json.dumps(rates) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
