"""`export_model`: the same predictions from tf.Examples and from raw columns, without the label."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tf_keras
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

from pipeline_components.errors import ExportError
from pipeline_components.train import export_model
from pipeline_components.transform._columns import to_list_columns


def functional(k: Any, names: list[str]) -> Any:
    inputs = {name: k.Input((1,), name=name, dtype="float32") for name in names}
    joined = k.layers.Concatenate()(list(inputs.values())) if len(names) > 1 else inputs[names[0]]
    return k.Model(inputs, k.layers.Dense(1, activation="sigmoid")(joined))


def raw_rows(flights: Any) -> Any:
    return pq.read_table(flights.raw.split_path("eval") / "0.parquet")


def examples_of(flights: Any) -> tf.Tensor:
    schema = text_format.Parse((flights.schema.path / "schema.pbtxt").read_text(), schema_pb2.Schema())
    wanted = TFExampleRecord(file_pattern="unused", schema=schema).ArrowSchema()
    batch = to_list_columns(raw_rows(flights), wanted, may_be_absent=frozenset(), at="")
    return tf.constant(RecordBatchToExamplesEncoder(schema).encode(batch))


def columns_of(flights: Any, signature: Any, shape: tuple[int, ...]) -> dict[str, tf.Tensor]:
    """As `evaluate` and REST clients make them: NaN and "" for missing."""
    table, given = raw_rows(flights).to_pydict(), {}
    for name, spec in signature.structured_input_signature[1].items():
        if name == "tags":
            given[name] = tf.constant([[*row, "", ""][:2] for row in table[name]])
            continue
        missing = "" if spec.dtype == tf.string else float("nan")
        column = [missing if value is None else value for value in table[name]]
        given[name] = tf.reshape(tf.constant(column, spec.dtype), shape)
    return given


@pytest.fixture(scope="module", params=[keras, tf_keras], ids=["keras3", "tf_keras"])
def served(request: pytest.FixtureRequest, flights: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("served")
    model = functional(request.param, ["distance_z", "carrier_id", "wind", "gate"])
    export_model(model, folder / "model", transform_graph=flights.graph.path)
    return model, tf.saved_model.load(str(folder / "model"))


def test_signatures_ask_for_what_predictions_depend_on(served: Any) -> None:
    _, loaded = served
    inputs = {
        name: sorted(signature.structured_input_signature[1]) for name, signature in loaded.signatures.items()
    }
    everything = ["carrier", "delay", "distance", "gate", "tags", "unused", "wind"]
    assert inputs == {
        "serving_default": ["examples"],
        "columns": ["carrier", "distance", "gate", "wind"],
        "transform_features": ["examples"],
        "transform_columns": everything,
    }
    dtypes = {
        name: spec.dtype
        for name, spec in loaded.signatures["transform_columns"].structured_input_signature[1].items()
    }
    assert dtypes["gate"] == tf.float64, "a whole number that may be missing"
    assert dtypes["delay"] == tf.int64


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)], ids=["flat", "column"])
def test_columns_and_examples_give_the_same(served: Any, flights: Any, shape: tuple[int, ...]) -> None:
    _, loaded = served
    for by_examples, by_columns in (
        ("serving_default", "columns"),
        ("transform_features", "transform_columns"),
    ):
        expected = loaded.signatures[by_examples](examples=examples_of(flights))
        signature = loaded.signatures[by_columns]
        given = signature(**columns_of(flights, signature, shape))
        assert sorted(given) == sorted(expected)
        for name in expected:
            assert np.array_equal(given[name].numpy(), expected[name].numpy()), name


def test_predictions_are_the_models_on_transformed_examples(served: Any, flights: Any) -> None:
    model, loaded = served
    table = pq.read_table(next(flights.transformed.split_path("eval").glob("*.parquet"))).to_pydict()
    names = ["distance_z", "carrier_id", "wind", "gate"]
    by_hand = model({name: tf.reshape(tf.constant(table[name], tf.float32), (-1, 1)) for name in names})
    given = loaded.signatures["serving_default"](examples=examples_of(flights))["outputs"]
    assert given.numpy() == pytest.approx(by_hand.numpy(), abs=1e-6)


def test_transform_features_gives_the_label_and_every_dense_feature(served: Any, flights: Any) -> None:
    _, loaded = served
    given = loaded.signatures["transform_features"](examples=examples_of(flights))
    assert sorted(given) == ["carrier_id", "distance_z", "gate", "late", "tag", "wind"]
    table = pq.read_table(next(flights.transformed.split_path("eval").glob("*.parquet"))).to_pydict()
    assert given["late"].numpy().reshape(-1).tolist() == table["late"]
    assert given["tag"].numpy().reshape(-1).tolist() == table["tag"]


def test_numbers_above_two_to_the_24_stay_exact(served: Any, flights: Any) -> None:
    _, loaded = served
    signature = loaded.signatures["transform_columns"]
    given = signature(**columns_of(flights, signature, (-1,)))["gate"].numpy().reshape(-1).tolist()
    assert given == [-7 if gate is None else gate for gate in raw_rows(flights)["gate"].to_pylist()]


def test_a_single_input_is_fed_by_itself(flights: Any, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((1,), name="distance_z"), keras.layers.Dense(1)])
    export_model(model, tmp_path / "model", transform_graph=flights.graph.path)
    signature = tf.saved_model.load(str(tmp_path / "model")).signatures["columns"]
    assert sorted(signature.structured_input_signature[1]) == ["distance"]


def test_lookup_layers_and_several_outputs(flights: Any, tmp_path: Path) -> None:
    text = keras.Input((1,), name="tag", dtype="string")
    number = keras.Input((1,), name="wind")
    looked_up = keras.layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")(text)
    outputs = {"a": keras.layers.Dense(2)(looked_up), "b": keras.layers.Dense(1)(number)}
    export_model(keras.Model([text, number], outputs), tmp_path / "model", transform_graph=flights.graph.path)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    given = loaded.signatures["serving_default"](examples=examples_of(flights))
    assert {name: value.shape[1] for name, value in given.items()} == {"a": 2, "b": 1}
    assert "tags" in loaded.signatures["columns"].structured_input_signature[1]


def test_a_subclassed_model_gets_all_features_but_the_label(flights: Any, tmp_path: Path) -> None:
    class Sum(keras.Model):
        def call(self, features: Any) -> Any:
            assert "late" not in features
            return tf.reshape(tf.cast(features["wind"], tf.float32), [-1, 1])

    export_model(Sum(), tmp_path / "model", transform_graph=flights.graph.path, label="late")
    signature = tf.saved_model.load(str(tmp_path / "model")).signatures["columns"]
    assert "delay" not in signature.structured_input_signature[1]


def test_without_a_graph_the_schema_says_what_may_be_missing(flights: Any, tmp_path: Path) -> None:
    model = functional(keras, ["distance", "wind", "gate"])
    export_model(model, tmp_path / "model", schema=flights.schema.path / "schema.pbtxt")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    by_examples = loaded.signatures["serving_default"](examples=examples_of(flights))["outputs"].numpy()
    signature = loaded.signatures["columns"]
    by_columns = signature(**columns_of(flights, signature, (-1,)))["outputs"].numpy()
    assert np.array_equal(by_examples, by_columns, equal_nan=True)
    assert np.isnan(by_columns).any(), "the model sees NaN where a number is missing"


def test_without_graph_and_schema_the_models_inputs_say_all(tmp_path: Path) -> None:
    export_model(functional(tf_keras, ["a", "b"]), tmp_path / "model")
    signature = tf.saved_model.load(str(tmp_path / "model")).signatures["columns"]
    given = signature(a=tf.constant([1.0, 2.0]), b=tf.constant([3.0, 4.0]))
    assert given["outputs"].shape == (2, 1)


def test_an_unknown_input_is_named(flights: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"(?s)unknown: +windy.*offered:.*wind"):
        export_model(functional(keras, ["windy"]), tmp_path / "model", transform_graph=flights.graph.path)


def test_a_model_that_tells_nothing_needs_a_schema(tmp_path: Path) -> None:
    class Opaque(keras.Model):
        def call(self, features: Any) -> Any:
            return features

    with pytest.raises(ExportError, match="schema or a transform graph"):
        export_model(Opaque(), tmp_path / "model")


def test_the_graph_can_be_asked_again(served: Any, flights: Any) -> None:
    del served
    assert "late" in tft.TFTransformOutput(str(flights.graph.path)).transformed_feature_spec()
