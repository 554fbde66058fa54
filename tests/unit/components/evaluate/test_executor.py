"""Whole evaluations: what is judged how, and what is written."""

import json
from pathlib import Path

from pipeline_components.evaluate import Metric, evaluate
from pipeline_lib import Examples, Model


def test_a_good_model_is_blessed(examples: Examples, good: Model, poor: Model, space: Path) -> None:
    verdict = evaluate.run(
        [examples],
        good,
        poor,
        label="late",
        metrics=(Metric("auc", at_least=0.6, better_than_baseline_by=0.01), Metric("example_count")),
        slices=("hour", ("city", "hour")),
    )
    assert verdict.blessing.blessed
    assert verdict.blessing.outcome == "blessed"
    assert (verdict.blessing.path / "BLESSED").exists()
    assert verdict.blessing.current_model == good.uri
    assert verdict.blessing.baseline_model_id == poor.id
    assert json.loads((verdict.blessing.path / "reasons.json").read_text())["reasons"] == []
    report = (verdict.evaluation.path / "report.html").read_text()
    assert "Blessed" in report
    assert "://" not in report
