"""Thresholds on the distance between two spans' data, put into the schema that TFDV validates against."""

import difflib
from collections.abc import Mapping
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from pipeline_components.errors import ComparatorError, FeatureNotFoundError

Comparison = Literal["drift", "skew"]


def with_thresholds(
    schema: schema_pb2.Schema,
    thresholds: Mapping[str, float],
    comparison: Comparison,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> schema_pb2.Schema:
    """A copy of the schema with these thresholds in it.

    Args:
        schema: Left as it is.
        thresholds: Largest distance allowed, 0 to 1, by feature.
        comparison: With an earlier span (drift) or with serving data (skew).
        statistics: Say which features are numbers: TFDV ignores an L-infinity bound on a number silently.

    Raises:
        FeatureNotFoundError: A name is no feature of the schema.
        ComparatorError: A threshold is no number from 0 to 1, or the feature is neither number nor text.
    """
    copy = schema_pb2.Schema()
    copy.CopyFrom(schema)
    features = {feature.name: feature for feature in copy.feature}
    for name, bound in thresholds.items():
        if name not in features:
            near = difflib.get_close_matches(name, features, n=1)
            raise FeatureNotFoundError(
                f"{comparison} names a feature {name} that the schema does not have",
                fix=f"did you mean {near[0]}?" if near else f"name one of: {', '.join(sorted(features))}",
            )
        if not 0 <= bound <= 1:  # nor NaN
            raise ComparatorError(
                f"the {comparison} threshold of {name} cannot be {bound!r}", fix="give a number from 0 to 1"
            )
        feature = features[name]
        comparator = feature.drift_comparator if comparison == "drift" else feature.skew_comparator
        if _is_category(feature, statistics):
            comparator.infinity_norm.threshold = bound
        else:
            comparator.jensen_shannon_divergence.threshold = bound
    return copy


def _is_category(
    feature: schema_pb2.Feature, statistics: statistics_pb2.DatasetFeatureStatisticsList
) -> bool:
    if feature.type == schema_pb2.BYTES or feature.int_domain.is_categorical:
        return True
    if feature.type not in {schema_pb2.INT, schema_pb2.FLOAT}:
        raise ComparatorError(
            f"{feature.name} is neither text nor a number", fix=f"leave {feature.name} out of drift and skew"
        )
    described = {tuple(found.path.step): found for found in statistics.datasets[0].features}
    found = described.get((feature.name,))
    return found is not None and found.HasField("string_stats")
