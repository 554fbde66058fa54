"""Which features a `build` module can take, and how they are read."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

from pipeline_components.train._columns import Dense, columns_of_files
from pipeline_components.train._data import matching_files
from pipeline_components.train.fn_args import FnArgs
from pipeline_components.train.schema_text import parse_pbtxt_file

_MISSING = {tf.string: "", tf.float32: float("nan")}


def dense_features(fn_args: FnArgs) -> tuple[dict[str, Dense], list[str]]:
    """Features with a fixed number of values a row, and the names of the others.

    Transformed features are taken as the graph gives them. Raw ones, without a graph, have NaN or "" where
    a value is missing, and whole numbers that may be missing are float32.
    """
    arrow = pq.read_schema(matching_files(fn_args.train_files)[0])
    if fn_args.transform_graph_path is not None:
        schema = tft.TFTransformOutput(fn_args.transform_graph_path).transformed_metadata.schema
        return _of_schema(schema, arrow)
    if fn_args.schema_path is not None:
        return _of_schema(parse_pbtxt_file(fn_args.schema_path, schema_pb2.Schema()), arrow)
    columns: list[Any] = [*columns_of_files(arrow)]
    dense = {column.name: column for column in columns if isinstance(column, Dense)}
    return dense, [column.name for column in columns if column.name not in dense]


def _of_schema(schema: Any, arrow: pa.Schema) -> tuple[dict[str, Dense], list[str]]:
    single = {feature.name for feature in schema.feature if feature.value_count.max == 1}
    dense: dict[str, Dense] = {}
    others = []
    for name, spec in schema_utils.schema_as_feature_spec(schema).feature_spec.items():
        if arrow.get_field_index(name) < 0:
            continue
        if isinstance(spec, tf.io.FixedLenFeature):
            dense[name] = Dense(name=name, dtype=spec.dtype, shape=tuple(spec.shape))
        elif name in single:
            dtype = tf.float32 if spec.dtype == tf.int64 else spec.dtype
            dense[name] = Dense(name=name, dtype=dtype, default=_MISSING[dtype])
        else:
            others.append(name)
    return dense, others
