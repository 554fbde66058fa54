"""The data accessor of `train` beside TFRecord with batched parsing."""

from pathlib import Path

import pytest

from benchmarks.measuring import Comparison, Report
from benchmarks.workplace import bare


@pytest.mark.parametrize("batch", [40, 256])
def test_training_input(batch: int, scratch: Path, quick: bool, report: Report) -> None:
    measured = bare(
        "training_input", 300_000, batch, 1 if quick else 3, folder=scratch / f"input-{batch}"
    ).answer
    for kind, what, goal in (
        ("compiled", "taken as Keras does", 1.5),
        ("python", "taken one by one in Python", None),
    ):
        report.add(
            "Training input, 20 features, shuffled",
            Comparison(
                what=f"batches of {batch}, {what}",
                beside="TFRecord, batched parsing",
                ours=measured[kind]["ours"],
                other=measured[kind]["theirs"],
                at_least=goal,
                unit="rows/s",
            ),
        )
