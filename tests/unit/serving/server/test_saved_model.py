"""A model in a session of its own, and the memory that it gives back."""

from pathlib import Path

import numpy as np
import psutil
import pytest
import tensorflow as tf

from integration.model_servers import export
from pipeline_lib.serving.server.refusals import Refusal
from pipeline_lib.serving.server.saved_model import SavedModel, give_memory_back
from pipeline_lib.serving.server.servable import Servable

pytestmark = pytest.mark.xdist_group("model_server")


def test_memory_comes_back(tmp_path: Path) -> None:
    """The first cycles fill TensorFlow's own pools; after them ten times 32 MB leave next to nothing."""
    weights = tf.Module()
    weights.w = tf.Variable(tf.ones([1024, 8192]))
    weights.f = tf.function(
        lambda x: {"y": tf.linalg.matmul(x, weights.w)}, input_signature=[tf.TensorSpec([None, 1024])]
    )
    tf.saved_model.save(weights, str(tmp_path), {"serving_default": weights.f})
    process, sizes = psutil.Process(), []
    for _ in range(12):
        made = Servable.load(tmp_path)
        (alias,) = made.signature("").inputs
        made.predict("", {alias: np.ones([2, 1024], np.float32)})
        del made
        give_memory_back()
        sizes.append(process.memory_info().rss / 2**20)
    assert sizes[-1] - sizes[1] < 24


def test_scalars_and_errors_of_the_graph(tmp_path: Path) -> None:
    export(tmp_path, 2.0)
    made = SavedModel(tmp_path)
    signature = made.signatures["both"]
    feeds = {signature.inputs["n"].name: np.array(1), signature.inputs["text"].name: np.array(b"a", object)}
    n, text = made.run(feeds, [signature.outputs["n"].name, signature.outputs["text"].name])
    assert (n.ndim, n.tolist(), text.ndim, text.tolist()) == (0, 2, 0, b"a")
    with pytest.raises(Refusal, match="no_such"):
        made.run({}, ["no_such:0"])


def test_a_directory_that_is_no_model(tmp_path: Path) -> None:
    export(tmp_path / "scale", 2.0)
    with pytest.raises(Exception, match="SavedModel file does not exist"):
        SavedModel(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes((tmp_path / "scale/saved_model.pb").read_bytes()[:100])
    with pytest.raises(Exception, match=r"."):
        SavedModel(tmp_path)
