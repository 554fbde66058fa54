"""A transformed data set, made once: TensorFlow and Beam are paid for once in a session."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline_components.transform import transform
from pipeline_lib import Examples, Schema, TransformGraph, UserModule, workspace

SCHEMA = """
feature { name: "distance" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "carrier" type: BYTES value_count { min: 1 max: 1 } presence { min_count: 1 } }
feature { name: "wind" type: FLOAT value_count { min: 1 max: 1 } presence { min_count: 1 } }
feature { name: "gate" type: INT value_count { min: 1 max: 1 } presence { min_count: 1 } }
feature { name: "tags" type: BYTES value_count { min: 1 } presence { min_count: 1 } }
feature { name: "delay" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "unused" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""
FEATURES = """
import tensorflow as tf
import tensorflow_transform as tft

def dense(x, default):
    column = tf.SparseTensor(x.indices, x.values, [x.dense_shape[0], 1])
    return tf.squeeze(tf.sparse.to_dense(column, default), 1)

def preprocessing_fn(inputs):
    first_tag = tf.sparse.slice(inputs["tags"], [0, 0], [inputs["tags"].dense_shape[0], 1])
    return {
        "distance_z": tft.scale_to_z_score(inputs["distance"]),
        "carrier_id": tft.compute_and_apply_vocabulary(dense(inputs["carrier"], ""), num_oov_buckets=1),
        "wind": dense(inputs["wind"], -9.0),
        "gate": dense(inputs["gate"], -7),
        "tag": dense(first_tag, ""),
        "tags": inputs["tags"],
        "late": tf.cast(inputs["delay"] > 15, tf.int64),
    }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flights:
    """Raw and transformed examples of one data set, with what made them."""

    raw: Examples
    schema: Schema
    transformed: Examples
    graph: TransformGraph


def table(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    distance = random.uniform(100, 3000, count)
    absent = random.random((3, count)) < 0.2
    return pa.table(
        {
            "distance": distance,
            "carrier": pa.array(random.choice(["AA", "UA", "é"], count), mask=absent[0]),
            "wind": pa.array(random.normal(10, 3, count), mask=absent[1]),
            "gate": pa.array(random.integers(0, 2**40, count), mask=absent[2]),
            "tags": pa.array([["x", "y"][: n % 3] for n in range(count)], pa.list_(pa.string())),
            "delay": (distance / 100 + random.normal(0, 3, count)).astype(np.int64),
            "unused": np.arange(count),
        }
    )


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    folder = tmp_path_factory.mktemp("flights")
    for split, count in (("train", 300), ("eval", 60)):
        (folder / "raw" / f"Split-{split}").mkdir(parents=True)
        pq.write_table(
            table(count, len(split)), folder / "raw" / f"Split-{split}" / "0.parquet", row_group_size=100
        )
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(SCHEMA)
    (folder / "features.py").write_text(FEATURES)
    raw = Examples.at(folder / "raw", split_names=["train", "eval"], rows={"train": 300, "eval": 60})
    schema = Schema.at(folder / "schema")
    with workspace(folder / "out"):
        made = transform.run([raw], schema, module=UserModule(str(folder / "features.py")))
    return Flights(
        raw=raw, schema=schema, transformed=made.transformed_examples[0], graph=made.transform_graph
    )


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """1000 rows, `x` 0..999, in two files with row groups of 100."""
    for part in range(2):
        numbers = np.arange(part * 500, part * 500 + 500)
        columns = {"x": numbers, "y": (numbers / 2).astype(np.float32), "s": [f"é{n}" for n in numbers]}
        pq.write_table(pa.table(columns), tmp_path / f"{part}.parquet", row_group_size=100)
    return tmp_path
