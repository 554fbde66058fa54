"""What has to keep its pace and its memory as data grow."""

from grown.components import make_model, make_rows
from pipeline_components.evaluate import Metric, evaluate
from pipeline_components.schema import infer_schema
from pipeline_components.statistics import compute_statistics
from pipeline_components.train import train
from pipeline_components.transform import transform
from pipeline_lib import UserModule, pipeline


@pipeline(name="evaluated")
def evaluated(rows: int) -> None:
    """25 slices, four metrics.

    Args:
        rows: Of the evaluation.
    """
    evaluate(
        [make_rows(train=1_000, evaluate=rows)],
        make_model(),
        label="late",
        slices=["hour"],
        metrics=[Metric("example_count"), Metric("auc"), Metric("binary_accuracy"), Metric("calibration")],
    )


@pipeline(name="trained")
def trained(rows: int) -> None:
    """One pass.

    Args:
        rows: Of the training.
    """
    train(
        [make_rows(train=rows, evaluate=10_000)],
        module=UserModule("grown.model"),
        train_steps=0,
        eval_steps=1,
        batch_size=4_096,
        epochs=1,
    )


@pipeline(name="transformed")
def transformed(rows: int) -> None:
    """Two splits of that size.

    Args:
        rows: Of each split.
    """
    examples = make_rows(train=rows, evaluate=rows)
    schema = infer_schema(compute_statistics(examples))
    transform([examples], schema, module=UserModule("grown.features"))
