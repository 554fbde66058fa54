"""The flight-delay pipeline: a night's flights in, a model that beats yesterday's out."""

from datetime import date
from typing import Annotated

from pydantic import Field

from flight_delays.weather import join_weather
from pipeline_components.evaluate import Metric, evaluate
from pipeline_components.ingest import HashSplit, ingest_csv
from pipeline_components.push import push
from pipeline_components.schema import import_schema
from pipeline_components.statistics import compute_statistics
from pipeline_components.train import train
from pipeline_components.transform import transform
from pipeline_components.validate import validate_examples
from pipeline_components.validate_infra import validate_infra
from pipeline_lib import UserModule, latest, latest_blessed, pipeline, rolling_window, when
from pipeline_lib.artifacts import Model


@pipeline(name="flight-delays", schedule="0 3 * * *")
def flight_delays(
    day: date,
    window: Annotated[int, Field(ge=1)] = 14,
    train_steps: Annotated[int, Field(ge=1)] = 600,
    flights: str = ".pipeline/data/flights/{YYYY}-{MM}-{DD}.csv",
    weather: str = ".pipeline/data/weather/{YYYY}-{MM}-{DD}.csv",
) -> None:
    """Retrain nightly on the last two weeks and push what is no worse than the model that serves.

    Args:
        day: The day whose flights arrived overnight.
        window: Days of data to train on, up to and including `day`.
        train_steps: Batches of 256 flights.
        flights: Where the nightly CSV of flights lands.
        weather: Where the hourly weather lands.
    """
    landed = ingest_csv.options(id="ingest_flights")(
        source=flights, span=day, splits=HashSplit(buckets={"train": 3, "eval": 1})
    )
    observed = ingest_csv.options(id="ingest_weather")(
        source=weather, span=day, splits=HashSplit(buckets={"all": 1})
    )
    examples = join_weather(landed, observed)
    statistics = compute_statistics(examples)
    schema = import_schema(source="dags/flight_delays/schema.pbtxt")
    yesterday = latest.options(id="statistics_before")(statistics, before_this_span=True)
    checked = validate_examples(statistics, schema, yesterday, drift={"carrier": 0.1, "origin": 0.1})
    recent = rolling_window(examples, spans=window)
    transformed = transform.options(after=[checked])(
        recent, schema, module=UserModule("flight_delays.features")
    )
    trained = train(
        transformed.transformed_examples,
        transformed.transform_graph,
        schema,
        module=UserModule("flight_delays.model"),
        train_steps=train_steps,
        batch_size=256,
    )
    verdict = evaluate(
        recent,
        trained.model,
        latest_blessed(Model, other_than=trained.model),
        schema,
        label="delayed",
        slices=["origin", "carrier"],
        metrics=[
            Metric("example_count"),
            Metric("auc", at_least=0.60, better_than_baseline_by=-0.02),
            Metric("binary_accuracy", at_least=0.60),
            Metric("calibration"),
        ],
    )
    trial = validate_infra(trained.model, [examples])
    with when(verdict.blessing.blessed & trial.blessed):
        push(trained.model, verdict.blessing, trial, name="flight-delays")
