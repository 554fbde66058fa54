"""`train`: TFX's `run_fn` and our `build`, what they leave behind, and how they fail."""

import dataclasses
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from pipeline_components.errors import (
    LossNotFiniteError,
    ModelNotWrittenError,
    TrainingDataError,
    TrainingFailedError,
    TrainingModuleError,
    WarmStartError,
)
from pipeline_components.train import Trained, train
from pipeline_lib import UserModule, workspace
from pipeline_lib.artifacts.workspace import use_workspace

BUILD = """
import keras
LABEL = "late"

def build(features, hyperparameters):
    joined = keras.layers.Concatenate()([features["distance_z"], features["wind"]])
    hidden = keras.layers.Dense(hyperparameters.get("units", 4), activation="relu")(joined)
    inputs = {name: features[name] for name in ("distance_z", "wind")}
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
    return model
"""
RUN_FN = """
import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx
from tfx.components.trainer.fn_args_utils import DataAccessor, FnArgs
from tfx_bsl.public import tfxio

def run_fn(fn_args: FnArgs):
    graph = tft.TFTransformOutput(fn_args.transform_output)
    def data(files, steps):
        options = tfxio.TensorFlowDatasetOptions(batch_size=20, label_key="late")
        return fn_args.data_accessor.tf_dataset_factory(files, options, graph.transformed_metadata.schema)
    names = ["distance_z", "wind"]
    inputs = {n: tf.keras.Input((1,), name=n) for n in names}
    x = tf.keras.layers.Concatenate()(list(inputs.values()))
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    from pipeline_components.train import ProgressCallback, export_model
    model.fit(data(fn_args.train_files, 1), steps_per_epoch=fn_args.train_steps, verbose=0,
              validation_data=data(fn_args.eval_files, 1), validation_steps=fn_args.eval_steps,
              callbacks=[ProgressCallback(fn_args.model_run_dir + "/history.json")])
    assert fn_args.num_examples == {"train": 300, "eval": 60}
    assert fn_args.custom_config == {"note": 1} and fn_args.hyperparameters == {"units": 3}
    assert tfx.components.FnArgs is FnArgs
    export_model(model, fn_args.serving_model_dir, transform_graph=fn_args.transform_output)
"""


def module(folder: Path, source: str, name: str = "model") -> UserModule:
    file = folder / f"{name}.py"
    file.write_text(textwrap.dedent(source))
    return UserModule(str(file))


def run(folder: Path, flights: Any, source: str, **given: Any) -> Trained:
    wanted = {
        "examples": [flights.transformed],
        "transform_graph": flights.graph,
        "module": module(folder, source),
        "train_steps": 40,
        "eval_steps": 2,
        "batch_size": 20,
        "epochs": 2,
        **given,
    }
    with workspace(folder / "out"):
        return train.run(**wanted)


@pytest.fixture(scope="module")
def built(flights: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, list[dict[str, Any]]]:
    folder, told = tmp_path_factory.mktemp("built"), []
    with workspace(folder / "out") as space:
        with use_workspace(dataclasses.replace(space, report=lambda row: told.append(dict(row)))):
            made = train.run(
                [flights.transformed],
                flights.graph,
                flights.schema,
                module=module(folder, BUILD),
                train_steps=60,
                eval_steps=0,
                batch_size=20,
                epochs=3,
                hyperparameters={"units": 5},
            )
    return made, told


def test_build_gives_a_model_that_answers_from_raw_columns(built: Any) -> None:
    made, _ = built
    loaded = tf.saved_model.load(str(made.model.path / "Format-Serving"))
    near, far = loaded.signatures["columns"](
        distance=tf.constant([200.0, 2900.0]), wind=tf.constant([10.0, np.nan])
    )["outputs"].numpy()
    assert near < 0.4, "it learnt that short flights are in time"
    assert far > 0.6, "and long ones late, although the wind is not known"


def test_epochs_are_told_while_they_happen(built: Any) -> None:
    _, told = built
    assert [row["epoch"] for row in told] == [1, 2, 3]
    assert {"epochs", "loss", "accuracy", "val_loss", "seconds"} <= set(told[0])
    assert told[2]["loss"] < told[0]["loss"]


def test_history_and_logs_are_kept(built: Any) -> None:
    made, _ = built
    history = json.loads((made.model_run.path / "history.json").read_text())
    assert [row["epoch"] for row in history["epochs"]] == [1, 2, 3]
    assert (history["steps_per_epoch"], history["hyperparameters"]) == (20, {"units": 5})
    assert list(made.model_run.path.glob("train/events.out.tfevents*"))
    assert list(made.model_run.path.glob("validation/events.out.tfevents*"))


def test_a_seed_makes_training_repeatable(flights: Any, tmp_path: Path) -> None:
    losses = []
    for _ in range(2):
        made = run(tmp_path, flights, BUILD, seed=7, epochs=1, train_steps=5)
        history = json.loads((made.model_run.path / "history.json").read_text())
        losses.append([row["loss"] for row in history["epochs"]])
    assert losses[0] == losses[1]


def test_a_base_model_is_a_warm_start(built: Any, flights: Any, tmp_path: Path) -> None:
    base = built[0].model
    warm = run(tmp_path, flights, BUILD, base_model=base, hyperparameters={"units": 5})
    history = json.loads((warm.model_run.path / "history.json").read_text())
    cold = json.loads((built[0].model_run.path / "history.json").read_text())
    assert history["warm_start"]["variables_taken"] == history["warm_start"]["variables"] == 4
    assert history["epochs"][0]["loss"] < cold["epochs"][0]["loss"]


def test_layers_of_another_shape_start_anew(built: Any, flights: Any, tmp_path: Path) -> None:
    other = run(tmp_path, flights, BUILD, base_model=built[0].model, hyperparameters={"units": 6})
    history = json.loads((other.model_run.path / "history.json").read_text())
    assert history["warm_start"]["variables_taken"] < 4


def test_weights_and_callbacks_of_the_module(flights: Any, tmp_path: Path) -> None:
    source = (
        BUILD
        + """
WEIGHT = "carrier_id"
seen = []
def callbacks(hyperparameters):
    return [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))]
"""
    )
    given = module(tmp_path, source)
    with workspace(tmp_path / "out"):
        train.run([flights.transformed], flights.graph, module=given, train_steps=4, epochs=2, batch_size=20)
    assert given.load().seen == [0, 1]


def test_build_without_a_graph_reads_raw_columns(flights: Any, tmp_path: Path) -> None:
    source = """
    import keras
    LABEL = "delay"
    def build(features):
        clean = keras.ops.nan_to_num(features["gate"]) * 0.0 + features["distance"] / 1000.0
        text = keras.layers.StringLookup(vocabulary=["AA"], output_mode="one_hot")(features["carrier"])
        joined = keras.layers.Concatenate()([clean, text])
        inputs = [features["gate"], features["distance"], features["carrier"]]
        model = keras.Model(inputs, keras.layers.Dense(1)(joined))
        model.compile("adam", "mse")
        return model
    """
    made = run(
        tmp_path,
        flights,
        source,
        examples=[flights.raw],
        transform_graph=None,
        schema=flights.schema,
        train_steps=0,
    )
    signature = tf.saved_model.load(str(made.model.path / "Format-Serving")).signatures["columns"]
    answer = signature(
        gate=tf.constant([np.nan], tf.float64), distance=tf.constant([1.0]), carrier=tf.constant([""])
    )
    assert np.isfinite(answer["outputs"].numpy()).all()


def test_run_fn_of_tfx_runs_unchanged(flights: Any, tmp_path: Path) -> None:
    made = run(
        tmp_path,
        flights,
        RUN_FN,
        schema=flights.schema,
        custom_config={"note": 1},
        hyperparameters={"units": 3},
    )
    assert (made.model.path / "Format-Serving" / "saved_model.pb").is_file()
    assert len(json.loads((made.model_run.path / "history.json").read_text())["epochs"]) == 1
    assert not [name for name in sys.modules if name == "tfx" or name.startswith("tfx.")]


@pytest.mark.parametrize(
    ("source", "error", "match"),
    [
        pytest.param("x = 1", TrainingModuleError, "says nothing about training", id="nothing"),
        pytest.param("def run_fn(fn_args): pass", ModelNotWrittenError, "saved_model.pb", id="no-model"),
        pytest.param(
            "def run_fn(fn_args):\n    return 1 / 0",
            TrainingFailedError,
            r"(?s)raised ZeroDivisionError.*model\.py:2",
            id="raises",
        ),
        pytest.param(
            BUILD.replace('"late"', '"tardy"'),
            TrainingDataError,
            r"(?s)LABEL 'tardy'.*features:.*late",
            id="label",
        ),
        pytest.param(
            BUILD.replace('features["wind"]]', 'features["tags"]]'),
            TrainingModuleError,
            r"(?s)no feature tags.*not_dense: +tags.*model\.py:6",
            id="sparse-feature",
        ),
        pytest.param(
            BUILD.replace("def build(features, hyperparameters)", "def build(inputs)"),
            TrainingModuleError,
            "build takes",
            id="arguments",
        ),
        pytest.param(
            BUILD.replace("return model", "return 3"), TrainingModuleError, "compiled Keras 3", id="no-keras"
        ),
        pytest.param(
            BUILD.replace("Adam(0.03)", "SGD(1e38)").replace('"relu"', '"linear"'),
            LossNotFiniteError,
            "learning rate",
            id="diverged",
        ),
    ],
)
def test_a_faulty_module_is_named(
    flights: Any, tmp_path: Path, source: str, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        run(tmp_path, flights, source)


def test_a_model_full_of_nan_is_refused(flights: Any, tmp_path: Path) -> None:
    source = """
    import tensorflow as tf
    def run_fn(fn_args):
        module = tf.Module()
        module.weight = tf.Variable([1.0, float("nan")])
        tf.saved_model.save(module, fn_args.serving_model_dir)
    """
    with pytest.raises(LossNotFiniteError, match=r"(?s)NaN.*variable: +weight"):
        run(tmp_path, flights, source)


def test_a_missing_split_is_named(flights: Any, tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"(?s)no examples have a split test.*given: +eval, train"):
        run(tmp_path, flights, BUILD, train_splits=["test"])


def test_a_base_model_without_keras_weights_is_refused(built: Any, flights: Any, tmp_path: Path) -> None:
    from pipeline_lib import Model

    (tmp_path / "base").mkdir()
    with pytest.raises(WarmStartError, match="no Keras weights"):
        run(tmp_path, flights, BUILD, base_model=Model.at(tmp_path / "base"))
