"""The component `infer_schema`."""

from collections.abc import Sequence

from pipeline_lib import ExampleStatistics, Schema, component


@component(output="schema")
def infer_schema(
    statistics: ExampleStatistics,
    *,
    infer_feature_shape: bool = True,
    max_string_domain_size: int = 100,
    exclude_splits: Sequence[str] = (),
) -> Schema:
    """Infer a schema with TFDV: a starting point, to be curated and then imported.

    Args:
        statistics: Of the data to learn from; every split not excluded counts.
        infer_feature_shape: Give features that never lack a value a fixed shape, so that they are dense.
        max_string_domain_size: Text with at most that many different values gets a list of allowed ones.
        exclude_splits: Splits to leave out.

    Returns:
        `schema.pbtxt`, tensorflow.metadata.v0.Schema as text.

    Raises:
        SplitNotFoundError: `exclude_splits` names no split, or leaves none.
        StatisticsError: The statistics cannot be read.
    """
    from pipeline_components.schema import _executor

    return _executor.infer(
        statistics,
        infer_feature_shape=infer_feature_shape,
        max_string_domain_size=max_string_domain_size,
        exclude_splits=exclude_splits,
    )
