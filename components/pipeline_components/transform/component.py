"""The component `transform`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline_lib import Examples, Schema, TransformCache, TransformGraph, UserModule, component


class Transformed(NamedTuple):
    """What `transform` puts out.

    Attributes:
        transformed_examples: One for each input, in that order, with its span, version and splits.
        transform_graph: The fitted graph, with the raw schema under `metadata/`.
        analyzer_cache: Results of the analyzers by input; None unless `use_analyzer_cache`.
    """

    transformed_examples: list[Examples]
    transform_graph: TransformGraph
    analyzer_cache: TransformCache | None


@component
def transform(
    examples: Sequence[Examples],
    schema: Schema,
    analyzer_cache: TransformCache | None = None,
    *,
    module: UserModule,
    analyse_splits: Sequence[str] = ("train",),
    custom_config: dict[str, Any] = {},  # noqa: B006  read, never changed
    use_analyzer_cache: bool = False,
) -> Transformed:
    """Fit TensorFlow Transform's analyzers and apply the graph to every row.

    The module has TFX's `preprocessing_fn(inputs)` or `preprocessing_fn(inputs, custom_config)`. Features
    that the schema gives a shape are dense tensors of (batch, *shape), all others SparseTensors.

    Args:
        examples: One or more (the spans of a window); analysed as one data set.
        schema: Of the raw examples. Columns it does not name are left out.
        analyzer_cache: What an earlier run put out under that port; inputs it knows are not analysed again.
        module: The user's module.
        analyse_splits: Splits that vocabularies, means and bounds are computed from, in every input.
        custom_config: Second argument of `preprocessing_fn`, if it takes one.
        use_analyzer_cache: Keep and use results of analyzers. They are exact, but building the graph for
            them takes seconds an input: worth it from some 600,000 rows a span.

    Raises:
        PreprocessingMissingError: The module has no `preprocessing_fn`.
        PreprocessingFailedError: It raised; the error names the line.
        RequiredColumnError: A column that the schema requires is not in the data.
        ColumnTypeError: A column's values do not fit the schema's type.
        NothingToAnalyseError: The splits to analyse hold no rows.
    """
    from pipeline_components.transform._executor import run

    outputs, graph, cache = run(
        examples,
        schema,
        analyzer_cache,
        module=module,
        analyse_splits=analyse_splits,
        custom_config=custom_config,
        use_analyzer_cache=use_analyzer_cache,
    )
    return Transformed(outputs, graph, cache)
