"""The component `compute_statistics`."""

from collections.abc import Sequence

from pipeline_lib import Examples, ExampleStatistics, Schema, component


@component(output="statistics")
def compute_statistics(
    examples: Examples,
    schema: Schema | None = None,
    *,
    exclude_splits: Sequence[str] = (),
    features: Sequence[str] = (),
    weight: str | None = None,
    sample_rate: float | None = None,
    histogram_buckets: int = 10,
    top_values: int = 20,
) -> ExampleStatistics:
    """Describe every column of every split with TFDV, on Beam from 300 million cells on.

    Args:
        examples: The rows.
        schema: Says which whole numbers are categories; optional.
        exclude_splits: Splits to leave out.
        features: Columns to describe; empty: all.
        weight: Column with example weights.
        sample_rate: Share of rows looked at, above 0 to 1, on Beam; None: all.
        histogram_buckets: Buckets of numeric histograms.
        top_values: Length of the list of most frequent values.

    Returns:
        `Split-<name>/FeatureStats.pb` (DatasetFeatureStatisticsList) and a `report.html` of its own.

    Raises:
        SplitNotFoundError: `exclude_splits` names no split of the examples, or leaves none.
        MissingColumnError: `features` or `weight` names no column.
        StatisticsError: TFDV refuses an option.
        UnsupportedColumnError: A column is of a type that TFDV does not read.
    """
    from pipeline_components.statistics import _executor

    return _executor.write_statistics(
        examples,
        schema,
        _executor.StatisticsOptions(
            exclude_splits=exclude_splits,
            features=features,
            weight=weight,
            sample_rate=sample_rate,
            histogram_buckets=histogram_buckets,
            top_values=top_values,
        ),
    )
