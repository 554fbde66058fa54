"""What models are given: raw columns as tensors, or tf.Examples; and labels that the model computes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from pipeline_components.errors import UnusableModelError
from pipeline_components.evaluate import Metric, evaluate
from pipeline_components.evaluate._predict import ModelCall, loaded, model_inputs
from pipeline_components.evaluate._signatures import Signature
from pipeline_lib import Examples, Model


def columns(**inputs: tf.DType) -> Signature:
    return Signature(name="columns", takes="columns", inputs=inputs, outputs=("outputs",))


def rows(**values: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(values.values()), names=list(values))


def test_missing_values_have_their_marks() -> None:
    given = model_inputs(
        columns(number=tf.float32, whole=tf.float64, text=tf.string),
        rows(number=pa.array([0.5, None]), whole=pa.array([None, 7]), text=pa.array(["ö", None])),
    )
    assert given["number"].shape == given["text"].shape == (2, 1)
    np.testing.assert_array_equal(given["number"], [[0.5], [np.nan]])
    np.testing.assert_array_equal(given["whole"], [[np.nan], [7.0]])
    np.testing.assert_array_equal(given["text"], [["ö".encode()], [b""]])


def test_lists_are_filled_up() -> None:
    given = model_inputs(
        columns(words=tf.string, numbers=tf.float32),
        rows(words=pa.array([["a", "b"], None, ["c"]]), numbers=pa.array([[1.0], [], [2.0, 3.0, 4.0]])),
    )
    np.testing.assert_array_equal(given["words"], [[b"a", b"b"], [b"", b""], [b"c", b""]])
    assert given["numbers"].shape == (3, 3)
    np.testing.assert_array_equal(given["numbers"][2], [2, 3, 4])


def test_whole_numbers_have_no_mark() -> None:
    with pytest.raises(UnusableModelError, match="whole numbers in 'hour', and some rows have none"):
        model_inputs(columns(hour=tf.int64), rows(hour=pa.array([1, None])))


@pytest.fixture
def of_examples(tmp_path: Path) -> Model:
    """A model that takes tf.Examples, and computes whether the minutes are above 5."""
    module = tf.Module()
    takes = [tf.TensorSpec([None], tf.string, name="examples")]

    @tf.function(input_signature=takes)
    def predict(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {"signal": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0])}
        return {"outputs": tf.sigmoid(tf.io.parse_example(examples, spec)["signal"])}

    @tf.function(input_signature=takes)
    def transform(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {"minutes": tf.io.FixedLenFeature([1], tf.float32)}
        return {"long_xf": tf.cast(tf.io.parse_example(examples, spec)["minutes"] > 5, tf.int64)}

    module.functions = {"serving_default": predict, "transform_features": transform}
    tf.saved_model.save(module, str(tmp_path / "model" / "Format-Serving"), signatures=module.functions)
    return Model.at(tmp_path / "model")


def test_a_model_of_examples_and_a_transformed_label(
    examples: Examples, table: pa.Table, of_examples: Model, space: Path
) -> None:
    share = float(np.mean(table["minutes"].to_numpy() > 5))
    metrics = (Metric("auc", at_least=0.9), Metric("mean_label", at_least=share - 1e-6, at_most=share + 1e-6))
    verdict = evaluate.run([examples], of_examples, label="long_xf", metrics=metrics, slices=("hour",))
    assert verdict.blessing.outcome == "blessed"


def test_what_train_exports_can_be_evaluated(examples: Examples, tmp_path: Path, space: Path) -> None:
    import keras

    from pipeline_components.train.export import export_model

    inputs = {name: keras.Input((1,), name=name) for name in ("hour", "weight")}
    output = keras.layers.Dense(1, "sigmoid")(keras.layers.Concatenate()(list(inputs.values())))
    export_model(keras.Model(inputs, output), tmp_path / "keras" / "Format-Serving")
    verdict = evaluate.run(
        [examples], Model.at(tmp_path / "keras"), label="late", metrics=(Metric("auc", at_least=0.0),)
    )
    assert verdict.blessing.blessed


def test_workers_that_do_not_see_the_disk_load_the_model_from_its_uri(good: Model, tmp_path: Path) -> None:
    call = ModelCall(
        name="candidate",
        directory=str(tmp_path / "of-the-driver"),
        uri=f"file://{good.path}/Format-Serving",
        signature=columns(signal=tf.float64, hour=tf.int64),
        output="outputs",
    )
    model = loaded(call, {})
    given = {"signal": tf.constant([[0.5]], tf.float64), "hour": tf.constant([[0]], tf.int64)}
    assert float(model.signatures["columns"](**given)["outputs"]) == pytest.approx(0.5)
