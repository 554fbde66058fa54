"""Rows that nobody has to deliver, and a model that nobody has to train."""

from pipeline_lib import component
from pipeline_lib.artifacts import Examples, Model

_SPLITS = {"train": 2, "eval": 1}
_ROWS_PER_GROUP = 1_000


@component(output="examples")
def make_rows(*, thousands: int, spoiled: bool = False) -> Examples:
    """An hour, a city and a signal, which are missing at times, and whether the train was late.

    Args:
        thousands: Row groups of a thousand rows: of the evaluation; of training twice as many.
        spoiled: Whether the label is missing at times, too.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = Examples.new(span=1, version=0, split_names=list(_SPLITS))
    random = np.random.default_rng(7)
    for split, share in _SPLITS.items():
        rows = share * thousands * _ROWS_PER_GROUP
        signal = random.normal(size=rows)
        hour = random.integers(0, 4, rows)
        late = (random.random(rows) < 1 / (1 + np.exp(-signal - hour / 4))).astype(np.int64)
        table = pa.table(
            {
                "hour": hour,
                "city": pa.array(np.array(["Malmö", "Oslo", "Turku", None], object)[hour].tolist()),
                "signal": pa.array(signal, mask=random.random(rows) < 0.05),
                "late": pa.array(late, mask=np.full(rows, spoiled) & (hour == 3)),
            }
        )
        made.split_path(split).mkdir()
        pq.write_table(table, made.split_path(split) / "0.parquet", row_group_size=_ROWS_PER_GROUP)
    made.rows = {split: share * thousands * _ROWS_PER_GROUP for split, share in _SPLITS.items()}
    return made


@component(output="model")
def make_model() -> Model:
    """The sigmoid of the signal."""
    import tensorflow as tf

    model = Model.new()
    module = tf.Module()

    @tf.function(input_signature=[{"signal": tf.TensorSpec([None, 1], tf.float64, name="signal")}])
    def columns(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        known = tf.where(tf.math.is_nan(given["signal"]), tf.zeros_like(given["signal"]), given["signal"])
        return {"outputs": tf.cast(tf.sigmoid(known), tf.float32)}

    module.columns = columns
    tf.saved_model.save(module, str(model.path / "Format-Serving"), signatures={"columns": columns})
    return model
