"""Rows by the million, written a row group at a time, and a model that nobody trained."""

from pipeline_lib import component
from pipeline_lib.artifacts import Examples, Model

_ROWS_PER_GROUP = 65_536


@component(output="examples")
def make_rows(*, train: int, evaluate: int) -> Examples:
    """An hour, ten signals and whether it was late; as many rows in each split."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = Examples.new(span=1, version=0, split_names=["train", "eval"])
    random = np.random.default_rng(0)
    made.rows = {"train": train, "eval": evaluate}
    for split, rows in made.rows.items():
        made.split_path(split).mkdir()
        writer = None
        for start in range(0, rows, _ROWS_PER_GROUP):
            count = min(_ROWS_PER_GROUP, rows - start)
            columns = {f"signal_{i}": random.normal(size=count).astype(np.float32) for i in range(10)}
            late = random.random(count) < 1 / (1 + np.exp(-columns["signal_0"]))
            group = pa.table(
                {**columns, "hour": random.integers(0, 24, count), "late": late.astype(np.int64)}
            )
            if writer is None:
                writer = pq.ParquetWriter(
                    made.split_path(split) / "0.parquet", group.schema, compression="zstd"
                )
            writer.write_table(group, row_group_size=_ROWS_PER_GROUP)
        if writer is not None:
            writer.close()
    return made


@component(output="model")
def make_model() -> Model:
    """The sigmoid of the first signal."""
    import tensorflow as tf

    model = Model.new()
    module = tf.Module()

    @tf.function(input_signature=[{"signal_0": tf.TensorSpec([None, 1], tf.float32, name="signal_0")}])
    def columns(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"outputs": tf.sigmoid(given["signal_0"])}

    module.columns = columns
    tf.saved_model.save(module, str(model.path / "Format-Serving"), signatures={"columns": columns})
    return model
