"""`ProgressCallback`: the same class for both generations of Keras."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras

from pipeline_components.errors import LossNotFiniteError
from pipeline_components.train import ProgressCallback
from pipeline_components.train._autograph import without_converting_tf_keras


@pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras3", "tf_keras"])
def test_both_generations_of_keras_call_it(k: Any, tmp_path: Path) -> None:
    model = k.Sequential([k.Input((1,)), k.layers.Dense(1)])
    model.compile("sgd", "mse")
    told = ProgressCallback(tmp_path / "deep" / "history.json")
    rows = np.arange(8, dtype=np.float32).reshape(-1, 1) / 8
    with without_converting_tf_keras():
        model.fit(rows, rows, epochs=3, verbose=0, validation_data=(rows, rows), callbacks=[told])
        model.predict(rows, verbose=0, callbacks=[told])
    kept = json.loads((tmp_path / "deep" / "history.json").read_text())["epochs"]
    assert [row["epoch"] for row in kept] == [1, 2, 3]
    assert kept[-1]["val_loss"] == pytest.approx(told.history[-1]["val_loss"])


def test_a_loss_that_is_no_number_stops_training(tmp_path: Path) -> None:
    told = ProgressCallback(tmp_path / "history.json")
    told.on_epoch_begin(0)
    with pytest.raises(LossNotFiniteError, match="nan after epoch 1"):
        told.on_epoch_end(0, {"loss": float("nan")})
    assert json.loads((tmp_path / "history.json").read_text())["epochs"][0]["loss"] == "nan"
