"""Body of `infer_schema`."""

from collections.abc import Sequence

import tensorflow_data_validation as tfdv

from pipeline_components.schema_files import write_schema
from pipeline_components.selection import chosen_splits
from pipeline_components.statistics_files import read_statistics
from pipeline_lib import ExampleStatistics, Schema


def infer(
    statistics: ExampleStatistics,
    *,
    infer_feature_shape: bool,
    max_string_domain_size: int,
    exclude_splits: Sequence[str],
) -> Schema:
    """From the first split, then widened by each other one, as TFX's SchemaGen does."""
    names = chosen_splits(statistics.split_names, exclude=exclude_splits)
    proto = tfdv.infer_schema(
        read_statistics(statistics, names[0]),
        infer_feature_shape=infer_feature_shape,
        max_string_domain_size=max_string_domain_size,
    )
    for name in names[1:]:
        proto = tfdv.update_schema(
            proto,
            read_statistics(statistics, name),
            infer_feature_shape=infer_feature_shape,
            max_string_domain_size=max_string_domain_size,
        )
    return write_schema(proto)
