"""Peer: stock TFMA's evaluator beside ours, on the same predicted rows, in one process.

    python evaluation.py ROWS METRICS MODELS REPETITIONS

METRICS is `four` or `tfx`, MODELS 1 or 2 (with a baseline). Both read the same Parquet files, predict with
the same SavedModel through the same code, and write TFMA's files; they differ in who computes the metrics.
Imports are not counted. The last line printed is JSON: seconds of `ours` and `theirs`, in turns.
"""

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from pipeline_components.evaluate import Metric, _config, _evaluator, _executor, _predict, _signatures
from pipeline_lib.beam.sources import row_groups

FOUR = ("ExampleCount", "BinaryAccuracy", "AUC", "Calibration")
TFX = (*FOUR, "Precision", "Recall", "MeanLabel", "MeanPrediction")


@dataclass(frozen=True)
class Case:
    """One comparison: rows, metrics, and whether there is a baseline."""

    rows: int
    metrics: tuple[str, ...]
    baseline: bool


def main(rows: int, metrics: str, models: int, repetitions: int) -> None:
    """Measure one case; the first, small run warms TensorFlow up."""
    case = Case(rows, TFX if metrics == "tfx" else FOUR, baseline=models == 2)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        save_model(work / "model")
        write_rows(work / "few", 1_000)
        write_rows(work / "rows", rows)
        measure(work, case, stock=False, data=work / "few")
        ours, theirs = [], []
        for _ in range(repetitions):
            ours.append(measure(work, case, stock=False, data=work / "rows"))
            theirs.append(measure(work, case, stock=True, data=work / "rows"))
    sys.stdout.write("\n" + json.dumps({"ours": ours, "theirs": theirs}) + "\n")


def measure(work: Path, case: Case, *, stock: bool, data: Path) -> float:
    """Seconds of one evaluation, prediction included."""
    config = _config.from_criteria(
        [Metric(name) for name in case.metrics], ["hour"], min_slice_size=1, confidence="none"
    )
    judged = _config.judgement(config, label="late", weight=None, has_baseline=case.baseline)
    signature = _signatures.prediction_signature(work / "model")
    names = ("candidate", "baseline")[: 1 + case.baseline]
    plan = _predict.ScorePlan(
        models=tuple(
            _predict.ModelCall(
                name=name,
                directory=str(work / "model"),
                uri=str(work / "model"),
                signature=signature,
                output="outputs",
            )
            for name in names
        ),
        label="late",
        transform=None,
        weight=None,
        slices=("hour",),
        binary=True,
        drop_unlabelled=False,
    )
    with tempfile.TemporaryDirectory(dir=work) as out:
        start = time.perf_counter()
        if stock:
            with mock.patch.object(_evaluator, "kernel_for", return_value=None):
                run(data, plan, judged, out)
        else:
            run(data, plan, judged, out)
        return time.perf_counter() - start


def run(data: Path, plan: _predict.ScorePlan, judged: _config.Judgement, out: str) -> None:
    """What the component does between its checks and its report."""
    _executor.measure(row_groups(str(data)), plan, judged, None, read=("hour", "signal", "late"), out=out)


def write_rows(folder: Path, rows: int) -> None:
    """Rows with 24 hours, a signal and a label, in row groups of 65,536."""
    random = np.random.default_rng(0)
    signal = random.normal(size=rows)
    table = pa.table(
        {
            "hour": random.integers(0, 24, rows),
            "signal": signal,
            "late": (random.random(rows) < 1 / (1 + np.exp(-signal))).astype(np.int64),
        }
    )
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "0.parquet", row_group_size=65_536, compression="zstd")


def save_model(folder: Path) -> None:
    """The sigmoid of the signal."""
    module = tf.Module()

    @tf.function(input_signature=[{"signal": tf.TensorSpec([None, 1], tf.float64, name="signal")}])
    def columns(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"outputs": tf.cast(tf.sigmoid(given["signal"]), tf.float32)}

    module.columns = columns
    tf.saved_model.save(module, str(folder), signatures={"columns": columns})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
