"""Pipelines that are given bad input: each is the shortest one that reaches the component in question."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from pipeline_components.evaluate import Metric, evaluate
from pipeline_components.ingest import ingest_csv, ingest_parquet, ingest_tfrecord
from pipeline_components.schema import import_schema, infer_schema
from pipeline_components.statistics import compute_statistics
from pipeline_components.train import train
from pipeline_components.transform import transform
from pipeline_components.validate import validate_examples
from pipeline_lib import UserModule, pipeline
from untrusted.components import Size, count


@pipeline(name="csv")
def csv(source: str) -> None:
    """One CSV source."""
    ingest_csv(source=source)


@pipeline(name="csv-schema")
def csv_schema(source: str, schema: str) -> None:
    """Types from a schema."""
    ingest_csv(import_schema(source=schema), source=source)


@pipeline(name="daily")
def daily(day: date, source: str) -> None:
    """One span for each day."""
    ingest_csv(source=source, span=day)


@pipeline(name="numbered")
def numbered(span: int, source: str) -> None:
    """One span for each number."""
    ingest_csv(source=source, span=span)


@pipeline(name="parquet")
def parquet(source: str) -> None:
    """One Parquet source."""
    ingest_parquet(source=source)


@pipeline(name="tfrecord")
def tfrecord(source: str) -> None:
    """One TFRecord source."""
    ingest_tfrecord(source=source)


@pipeline(name="checked")
def checked(source: str, schema: str) -> None:
    """Data against a schema."""
    expected = import_schema(source=schema)
    validate_examples(compute_statistics(ingest_csv(source=source)), expected)


@pipeline(name="transformed")
def transformed(source: str) -> None:
    """A user's preprocessing."""
    examples = ingest_csv(source=source)
    schema = infer_schema(compute_statistics(examples))
    transform([examples], schema, module=UserModule("given"))


@pipeline(name="trained")
def trained(source: str) -> None:
    """A user's training."""
    examples = ingest_csv(source=source)
    schema = infer_schema(compute_statistics(examples))
    train.options(timeout=timedelta(seconds=8))(
        [examples], schema=schema, module=UserModule("given"), train_steps=2
    )


@pipeline(name="trained-briefly")
def trained_briefly(source: str) -> None:
    """A user's training, which may take two seconds."""
    examples = ingest_csv(source=source)
    schema = infer_schema(compute_statistics(examples))
    train.options(timeout=timedelta(seconds=2))([examples], schema=schema, module=UserModule("given"))


@pipeline(name="trained-as-told")
def trained_as_told(source: str, schema: str) -> None:
    """A user's training on what a schema says."""
    train(
        [ingest_csv(source=source)],
        schema=import_schema(source=schema),
        module=UserModule("given"),
        train_steps=2,
    )


@pipeline(name="evaluated")
def evaluated(source: str, label: str) -> None:
    """A user's model, measured by a column."""
    examples = ingest_csv(source=source)
    schema = infer_schema(compute_statistics(examples))
    model = train([examples], schema=schema, module=UserModule("given"), train_steps=2).model
    evaluate([examples], model, label=label, metrics=[Metric("MeanSquaredError")])


@pipeline(name="divided")
def divided(source: dict[str, str]) -> None:
    """A source for each split."""
    ingest_csv(source=source)


@pipeline(name="counted")
def counted(
    rows: Annotated[int, Field(ge=1, le=10)],
    share: float = 0.5,
    size: Size = Size.SMALL,
    tag: Annotated[str, Field(max_length=8)] = "",
    names: Sequence[str] = (),
    since: date = date(2026, 1, 1),
) -> None:
    """Parameters with bounds."""
    count(rows=rows, share=share, size=size, tag=tag, names=names, since=since)
