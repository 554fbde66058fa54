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
    report.add(
        "Training input, 20 features, shuffled",
        Comparison(
            what=f"batches of {batch}",
            beside="TFRecord, batched parsing",
            ours=measured["ours"],
            other=measured["theirs"],
            at_least=1.5,
            unit="rows/s",
        ),
    )
