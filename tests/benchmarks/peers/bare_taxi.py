"""Floor: the taxi pipeline as a script of library calls, no framework: what our overhead is measured against.

    python bare_taxi.py DATA.csv MODULE.py OUT_DIR STEPS

The last line printed is JSON: seconds by step.
"""

import itertools
import json
import os
import sys
import time
import types
from pathlib import Path

CLOCK = [("start", time.perf_counter())]
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # the module is written for tf_keras

import apache_beam as beam  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_data_validation as tfdv  # noqa: E402
import tensorflow_model_analysis as tfma  # noqa: E402
import tensorflow_transform.beam as tft_beam  # noqa: E402
from pyarrow import csv, parquet  # noqa: E402
from tensorflow.python.autograph.core import config as autograph  # noqa: E402
from tensorflow.python.autograph.core import config_lib  # noqa: E402
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io  # noqa: E402
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder  # noqa: E402
from tfx_bsl.tfxio.tf_example_record import TFExampleRecord  # noqa: E402

SPLITS = ("train", "eval")


def lists(batch):
    """Plain nullable columns as the list columns that TFDV, TFT and TFMA read."""
    columns = []
    for column in batch.columns:
        values = column
        if pa.types.is_null(values.type):
            values = values.cast(pa.float32())
        elif pa.types.is_string(values.type):
            values = values.cast(pa.binary())
        elif pa.types.is_floating(values.type):
            values = values.cast(pa.float32())
        ends = np.cumsum(np.asarray(values.is_valid()), dtype=np.int32)
        offsets = pa.array(np.concatenate([np.zeros(1, np.int32), ends]))
        columns.append(pa.ListArray.from_arrays(offsets, values.drop_null()))
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def read(place):
    file, group = place
    for batch in parquet.ParquetFile(file).iter_batches(batch_size=65_536, row_groups=[group]):
        yield lists(batch)


def places(file):
    return [(file, group) for group in range(parquet.ParquetFile(file).num_row_groups)]


def ingest(source, out):
    table = csv.read_csv(source)
    train = np.random.default_rng(0).random(table.num_rows) < 2 / 3
    for split, rows in zip(SPLITS, (train, ~train), strict=True):
        parquet.write_table(
            table.filter(pa.array(rows)), f"{out}/{split}.parquet", compression="zstd", row_group_size=65_536
        )


def describe(out):
    with beam.Pipeline() as p:
        for split in SPLITS:
            (
                p
                | f"{split} places" >> beam.Create(places(f"{out}/{split}.parquet"))
                | f"{split} read" >> beam.FlatMap(read).with_output_types(pa.RecordBatch)
                | f"{split} describe" >> tfdv.GenerateStatistics()
                | f"{split} write" >> tfdv.WriteStatisticsToBinaryFile(f"{out}/{split}.pb")
            )
    schema = tfdv.infer_schema(tfdv.load_stats_binary(f"{out}/train.pb"))
    tfdv.validate_statistics(tfdv.load_stats_binary(f"{out}/eval.pb"), schema)
    return schema


def transform(schema, user, out):
    source = TFExampleRecord(file_pattern="none", schema=schema)
    wanted = source.ArrowSchema()

    def conform(batch):
        columns = [batch.column(batch.schema.get_field_index(f.name)).cast(f.type) for f in wanted]
        return pa.RecordBatch.from_arrays(columns, schema=wanted)

    def write(split, element):
        parquet.write_table(pa.Table.from_batches([element[0]]), f"{out}/x_{split}/{time.time_ns()}.parquet")

    with beam.Pipeline() as p, tft_beam.Context(temp_dir=f"{out}/tmp"):
        rows = {
            split: p
            | f"{split} places" >> beam.Create(places(f"{out}/{split}.parquet"))
            | f"{split} read" >> beam.FlatMap(read)
            | f"{split} conform" >> beam.Map(conform).with_output_types(pa.RecordBatch)
            for split in SPLITS
        }
        config = source.TensorAdapterConfig()
        (train, _), graph = (rows["train"], config) | tft_beam.AnalyzeAndTransformDataset(
            user.preprocessing_fn, output_record_batches=True
        )
        evaluation, _ = ((rows["eval"], config), graph) | tft_beam.TransformDataset(
            output_record_batches=True
        )
        graph | tft_beam.WriteTransformFn(f"{out}/graph")
        for split, made in zip(SPLITS, (train, evaluation), strict=True):
            Path(f"{out}/x_{split}").mkdir()
            made | f"write {split}" >> beam.Map(lambda element, split=split: write(split, element))
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(schema), f"{out}/graph/metadata")


def dataset(files, options, _schema):
    table = (
        parquet.read_table(files[0]).combine_chunks()
        if len(files) == 1
        else pa.concat_tables([parquet.read_table(file) for file in files]).combine_chunks()
    )
    features = {
        name: table.column(name).chunk(0).values.to_numpy(zero_copy_only=False).reshape(-1, 1)
        for name in table.column_names
    }
    label = features.pop(options.label_key)
    rows = tf.data.Dataset.from_tensor_slices((features, label))
    return rows.shuffle(10_000).batch(options.batch_size).prefetch(2)


def train(user, steps, out):
    # tf_keras' own source is not worth converting: some 20 s.
    autograph.CONVERSION_RULES = (config_lib.DoNotConvert("tf_keras"), *autograph.CONVERSION_RULES)
    user.run_fn(
        types.SimpleNamespace(
            transform_output=f"{out}/graph",
            train_files=sorted(map(str, Path(f"{out}/x_train").iterdir())),
            eval_files=sorted(map(str, Path(f"{out}/x_eval").iterdir())),
            data_accessor=types.SimpleNamespace(tf_dataset_factory=dataset),
            model_run_dir=f"{out}/run",
            serving_model_dir=f"{out}/model",
            train_steps=steps,
            eval_steps=150,
        )
    )


class Predict(beam.DoFn):
    """Label, prediction and slicing column: TFMA pays per row and column."""

    def __init__(self, schema, model):
        self.schema, self.path = schema, model

    def setup(self):
        self.model = tf.saved_model.load(self.path)

    def process(self, batch):
        encoder = RecordBatchToExamplesEncoder(self.schema)
        signatures = self.model.signatures
        for start in range(0, batch.num_rows, 4096):
            part = batch.slice(start, 4096)
            examples = tf.constant(encoder.encode(part))
            predicted = signatures["serving_default"](examples=examples)["outputs"]
            label = signatures["transform_features"](examples=examples)["tips_xf"]
            offsets = pa.array(np.arange(part.num_rows + 1, dtype=np.int32))
            columns = [
                pa.ListArray.from_arrays(offsets, pa.array(c.numpy().ravel())) for c in (predicted, label)
            ]
            hour = part.column(part.schema.get_field_index("trip_start_hour"))
            yield pa.RecordBatch.from_arrays(
                [hour, *columns], names=["trip_start_hour", "prediction", "label"]
            )


def evaluate(schema, out):
    bound = tfma.GenericValueThreshold(lower_bound={"value": 0.6})
    metric = tfma.MetricConfig(
        class_name="BinaryAccuracy", threshold=tfma.MetricThreshold(value_threshold=bound)
    )
    config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(prediction_key="prediction", label_key="label")],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["trip_start_hour"])],
        metrics_specs=[tfma.MetricsSpec(metrics=[metric])],
    )
    with beam.Pipeline() as p:
        (
            p
            | beam.Create(places(f"{out}/eval.parquet"))
            | beam.FlatMap(read).with_output_types(pa.RecordBatch)
            | beam.ParDo(Predict(schema, f"{out}/model")).with_output_types(pa.RecordBatch)
            | tfma.ExtractEvaluateAndWriteResults(eval_config=config, output_path=f"{out}/evaluation")
        )


def load(module):
    """The user's module; what it imports from tfx are annotations."""
    user = types.ModuleType("taxi_module")
    user.DataAccessor = user.FnArgs = object
    sys.modules[user.__name__] = user
    lines = [line for line in Path(module).read_text().splitlines() if not line.startswith("from tfx.")]
    exec(compile("\n".join(lines), module, "exec"), user.__dict__)
    return user


def main(source, module, out, steps):
    def lap(step):
        CLOCK.append((step, time.perf_counter()))

    lap("imports")
    Path(out).mkdir(parents=True)
    ingest(source, out)
    lap("ingest")
    schema = describe(out)
    lap("statistics")
    user = load(module)
    transform(schema, user, out)
    lap("transform")
    train(user, int(steps), out)
    lap("train")
    evaluate(schema, out)
    lap("evaluate")
    seconds = {step: at - before for (_, before), (step, at) in itertools.pairwise(CLOCK)}
    sys.stdout.write("\n" + json.dumps(seconds) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
