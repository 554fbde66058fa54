"""Raw rows through the server give, bit for bit, what transform and model give by hand."""

import base64
import json
from typing import Any

import httpx
import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from integration.model_servers import serving
from pipeline_components.train import export_model
from pipeline_lib.serving.clients.rpc import GrpcClient
from unit.components.train.conftest import flights  # noqa: F401
from unit.components.train.test_export import columns_of, examples_of, functional

pytestmark = pytest.mark.xdist_group("model_server")

NAMES = ["distance_z", "carrier_id", "wind"]


def test_raw_rows(flights: Any, tmp_path: Any) -> None:  # noqa: F811
    keras.utils.set_random_seed(1)
    model = functional(keras, NAMES)
    export_model(model, tmp_path / "models/late/1", transform_graph=flights.graph.path)
    examples = examples_of(flights)

    output = tft.TFTransformOutput(flights.graph.path)
    graph = tf.saved_model.load(output.transform_savedmodel_dir)
    transformed = graph.transform_fn(tf.io.parse_example(examples, output.raw_feature_spec()))
    features = {name: tf.reshape(tf.cast(transformed[name], tf.float32), (-1, 1)) for name in NAMES}
    by_hand = tf.function(model)(features, training=False).numpy()
    assert len(set(by_hand.ravel().tolist())) > 10, "the rows must differ for the test to show anything"

    rows = [{"b64": base64.b64encode(one).decode()} for one in examples.numpy()]
    signature = tf.saved_model.load(str(tmp_path / "models/late/1")).signatures["columns"]
    columns = {
        name: [one.decode() if isinstance(one, bytes) else one for one in column.numpy().tolist()]
        for name, column in columns_of(flights, signature, (-1,)).items()
    }
    with serving(tmp_path, "--base-path", str(tmp_path / "models"), model="late") as server:
        url = f"{server.rest}/v1/models/late:predict"
        by_rows = httpx.post(url, json={"instances": rows}, timeout=60).json()["predictions"]
        # Not httpx's own JSON: it refuses NaN, which stands for a missing number.
        given = {"signature_name": "columns", "inputs": columns}
        by_columns = httpx.post(url, content=json.dumps(given), timeout=60).json()["outputs"]
        with GrpcClient(server.grpc, timeout_seconds=60) as client:
            by_grpc = client.predict("late", {"examples": examples.numpy()})["outputs"]
    for told in (by_rows, by_columns, by_grpc):
        assert np.array(told, np.float32).tobytes() == by_hand.tobytes()
