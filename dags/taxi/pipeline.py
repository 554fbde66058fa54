"""The Chicago taxi pipeline of TFX's examples, with TFX's user module as it is."""

from pipeline_components.evaluate import Metric, evaluate
from pipeline_components.ingest import HashSplit, ingest_csv
from pipeline_components.push import push
from pipeline_components.schema import infer_schema
from pipeline_components.statistics import compute_statistics
from pipeline_components.train import train
from pipeline_components.transform import transform
from pipeline_components.validate import validate_examples
from pipeline_lib import UserModule, latest_blessed, pipeline, when
from pipeline_lib.artifacts import Model


@pipeline(name="taxi")
def taxi(data: str, module: UserModule, train_steps: int = 1_000, eval_steps: int = 150) -> None:
    """Predict whether a passenger tips more than a fifth of the fare.

    Node for node the pipeline of TFX's `taxi_pipeline_native_keras`, so that the two can be compared.
    Module and data come with the wheel of tfx 1.16, below `tfx/examples/chicago_taxi_pipeline`.

    Args:
        data: The CSV of trips, `data/simple/data.csv` there; a file, a directory or a glob.
        module: `taxi_utils_native_keras.py` there, with `preprocessing_fn` and `run_fn`.
        train_steps: Batches of 40 trips.
        eval_steps: Batches of 40 trips to validate on after training.
    """
    examples = ingest_csv(source=data, splits=HashSplit(buckets={"train": 2, "eval": 1}))
    statistics = compute_statistics(examples)
    schema = infer_schema(statistics)
    validate_examples(statistics, schema)
    transformed = transform([examples], schema, module=module)
    trained = train(
        transformed.transformed_examples,
        transformed.transform_graph,
        schema,
        module=module,
        train_steps=train_steps,
        eval_steps=eval_steps,
    )
    verdict = evaluate(
        [examples],
        trained.model,
        latest_blessed(Model, other_than=trained.model),
        schema,
        label="tips_xf",
        signature="serving_default",
        slices=["trip_start_hour"],
        metrics=[Metric("binary_accuracy", at_least=0.6, better_than_baseline_by=-1e-10)],
    )
    with when(verdict.blessing.blessed):
        push(trained.model, verdict.blessing, name="taxi")
