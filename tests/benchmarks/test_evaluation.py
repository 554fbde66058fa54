"""`evaluate` beside stock TFMA: the same rows, model and metrics."""

from pathlib import Path

import pytest

from benchmarks.measuring import Comparison, Report
from benchmarks.workplace import bare

CHAPTER = "Evaluation, 25 slices, beside stock TFMA's evaluator"


@pytest.mark.parametrize(
    ("rows", "metrics", "models", "goal"),
    [
        pytest.param(50_000, "tfx", 2, 1.5, id="50k-tfx-metrics"),
        pytest.param(500_000, "four", 1, 20.0, id="500k-four-metrics"),
    ],
)
def test_evaluate(
    rows: int, metrics: str, models: int, goal: float, scratch: Path, quick: bool, report: Report
) -> None:
    if quick:
        rows = min(rows, 100_000)  # half a million take stock TFMA minutes
    repetitions = 1 if quick or rows > 50_000 else 2
    measured = bare("evaluation", rows, metrics, models, repetitions, folder=scratch / "evaluation").answer
    report.add(
        CHAPTER,
        Comparison(
            what=f"{rows:,} rows, {4 if metrics == 'four' else 8} metrics, models: {models}",
            beside="stock TFMA",
            ours=measured["ours"],
            other=measured["theirs"],
            at_least=goal,
        ),
    )
