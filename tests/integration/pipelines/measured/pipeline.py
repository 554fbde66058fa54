"""rows -> statistics, schema -> transform; rows, model -> evaluate."""

from pathlib import Path

from measured.components import make_model, make_rows
from pipeline_components.evaluate import Metric, evaluate
from pipeline_components.schema import infer_schema
from pipeline_components.statistics import compute_statistics
from pipeline_components.transform import transform
from pipeline_lib import UserModule, pipeline


@pipeline(name="measured")
def measured(thousands: int = 3, spoiled: bool = False) -> None:
    """Describe, transform and evaluate.

    Args:
        thousands: Rows of the evaluation.
        spoiled: Whether labels are missing.
    """
    rows = make_rows(thousands=thousands, spoiled=spoiled)
    statistics = compute_statistics(rows, sample_rate=1.0)  # TFDV samples on Beam only
    # By its file: workers cannot import it by the name that it then has.
    transform([rows], infer_schema(statistics), module=UserModule(str(Path(__file__).parent / "features.py")))
    evaluate(
        [rows],
        make_model(),
        label="late",
        slices=["hour", "city"],
        # TFMA's own code computes the last one.
        metrics=[
            Metric("example_count"),
            Metric("auc", at_least=0.5),
            Metric("calibration"),
            Metric("log_loss"),
        ],
        splits=["eval"],
    )
