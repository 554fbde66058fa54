"""The component `validate_examples`."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pipeline_lib import ExampleAnomalies, ExampleStatistics, Schema, component


@component(output="anomalies")
def validate_examples(
    statistics: ExampleStatistics,
    schema: Schema,
    previous: ExampleStatistics | None = None,
    serving: ExampleStatistics | None = None,
    *,
    drift: Mapping[str, float] | None = None,
    skew: Mapping[str, float] | None = None,
    environment: str | None = None,
    waive: Sequence[str] = (),
    exclude_splits: Sequence[str] = (),
    on_anomaly: Literal["fail", "record"] = "fail",
) -> ExampleAnomalies:
    """Compare statistics with the schema, with an earlier span and with serving data; anomalies stop the run.

    Args:
        statistics: Of the examples to judge.
        schema: What they should be.
        previous: Of an earlier span, for `drift`; without it (a first run) drift is not judged.
        serving: Of serving data, for `skew`; without it skew is not judged.
        drift: Largest distance allowed by feature, `{"carrier": 0.1}`: L-infinity (the largest difference of
            one value's share) for text and categories, Jensen-Shannon divergence in bits for numbers.
        skew: The same against `serving`.
        environment: Schema environment of this data (features may be missing in one, such as the label in
            "SERVING").
        waive: Anomalies to accept, by feature (`"company"`) or by feature and anomaly
            (`"company:ENUM_TYPE_UNEXPECTED_STRING_VALUES"`). They stay in the artifact and the report.
        exclude_splits: Splits to leave out.
        on_anomaly: "record" publishes the anomalies with `blessed` 0 and lets the pipeline decide.

    Returns:
        `Split-<name>/SchemaDiff.pb` (tensorflow.metadata.v0.Anomalies) and `report.html`.

    Raises:
        AnomaliesFoundError: There are anomalies that nobody waived; every one is in the message.
        FeatureNotFoundError: `drift` or `skew` names no feature of the schema.
        ComparatorError: A threshold is no number from 0 to 1, or TFDV cannot compare that feature.
        SplitNotFoundError: A split is not there, or not in the statistics to compare with.
        SchemaFileError, StatisticsError: An input cannot be read.
    """
    from pipeline_components.validate import _executor

    return _executor.validate(
        _executor.Judged(statistics=statistics, schema=schema, previous=previous, serving=serving),
        _executor.Rules(
            drift=dict(drift or {}),
            skew=dict(skew or {}),
            environment=environment,
            waive=tuple(waive),
            exclude_splits=tuple(exclude_splits),
            on_anomaly=on_anomaly,
        ),
    )
