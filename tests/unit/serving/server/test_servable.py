"""What may be asked of a loaded model; memory that it gives back."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from integration.model_servers import CLASSIFY, REGRESS, export, export_examples
from pipeline_lib.serving.server.batching import BatchingOptions
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Refusal, Status
from pipeline_lib.serving.server.servable import WARM_UP, Servable

pytestmark = pytest.mark.xdist_group("model_server")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exports")
    export(root / "scale", 2.0)
    export_examples(root / "examples")
    return root


@pytest.fixture(scope="module", params=[None, BatchingOptions()], ids=["alone", "batched"])
def scale(exports: Path, request: pytest.FixtureRequest) -> Servable:
    return Servable.load(exports / "scale", batching=request.param)


def test_predict(scale: Servable) -> None:
    assert scale.predict("", {"x": np.array([1, 2], np.float32)})["y"].tolist() == [2, 4]
    text = {"n": np.array([1]), "text": np.array([b"a"], object)}
    assert scale.predict("both", text, ["text_bytes", "n"])["n"].tolist() == [2]
    assert list(scale.predict("both", text, ["text_bytes"])) == ["text_bytes"]
    assert not Servable.quick(scale, "unknown")


@pytest.mark.parametrize(
    ("signature", "inputs", "outputs", "message"),
    [
        ("no", {}, [], 'Serving signature name: "no" not found'),
        ("", {}, [], r"^input size does not match signature: 0!=1 len\(\{\}\) != len\(\{x\}\). Sent extra: "
         r"\{\}. Missing but required: \{x\}.$"),
        ("", {"z": np.ones(1, np.float32)}, [], r"^Signature input alias: x\(feed name: "
         r"serving_default_x:0\) not found in request and no default value provided. Inputs expected to be "
         r"in the request \{z\}, or default input alias set: $"),
        ("", {"x": np.ones(1, np.float32)}, ["z"], "output tensor alias not found in signature: z"),
        ("", {"x": np.ones(1, np.float32)}, ["y", "y"], "duplicate output tensor alias: y"),
        ("", {"x": np.ones(1)}, [], "double"),
    ],
)  # fmt: skip
def test_what_does_not_fit(
    scale: Servable, signature: str, inputs: dict[str, Any], outputs: list[str], message: str
) -> None:
    with pytest.raises(Refusal, match=message) as refused:
        scale.predict(signature, inputs, outputs)
    assert refused.value.status is Status.INVALID_ARGUMENT


def test_a_signature_may_have_defaults(exports: Path) -> None:
    made = Servable.load(exports / "scale")
    signature = made.signature("both")
    signature.defaults["n"].CopyFrom(tf.make_tensor_proto([4], tf.int64))
    text = {"text": np.array([b"a"], object)}
    assert made.predict("both", text)["n"].tolist() == [5]
    assert made.predict("both", {**text, "n": np.array([1])})["n"].tolist() == [2]
    with pytest.raises(Refusal, match=r"^Inputs contains invalid name\. Used request inputs: text, request"):
        made.predict("both", {**text, "other": np.array([1])})
    with pytest.raises(
        Refusal, match=r"^Signature input alias: text\(feed name: both_text:0\) not found in request"
    ):
        made.predict("both", {})


def serialised(x: float) -> bytes:
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(x)
    return bytes(example.SerializeToString())


def test_examples(exports: Path) -> None:
    made = Servable.load(exports / "examples")
    assert made.classify("", [serialised(0.25)]) == [[("no", 0.75), ("yes", 0.25)]]
    assert made.regress("regress", [serialised(0.5)]) == [5.0]
    with pytest.raises(Refusal, match=r"(?i)could not parse example"):
        made.classify("", [b"no example"])
    with pytest.raises(Refusal, match="No signature was found with the name: no"):
        made.classify("no", [serialised(1)])
    with pytest.raises(Refusal, match="Duplicate evaluation of signature: regress"):
        made.infer([("regress", REGRESS), ("regress", REGRESS)], [serialised(1)])
    with pytest.raises(Refusal, match="Input tensor must be the same"):
        made.infer([("", CLASSIFY), ("regress", REGRESS)], [serialised(1)])
    assert made.infer([("", CLASSIFY)], [serialised(1.0)]) == [[[("no", 0.0), ("yes", 1.0)]]]


def test_warm_up(exports: Path, tmp_path: Path) -> None:
    made = Servable.load(exports / "examples")
    logs = [prediction_log_pb2.PredictionLog() for _ in range(4)]
    classify, regress = logs[0].classify_log.request, logs[1].regress_log.request
    many = logs[2].multi_inference_log.request
    many.tasks.add(method_name=CLASSIFY)
    regress.model_spec.signature_name = "regress"
    for request in (classify, regress, many):
        request.input.example_list.examples.add().features.feature["x"].float_list.value.append(1)
    tensor = tf.make_tensor_proto([serialised(1)])
    logs[3].predict_log.request.inputs["inputs"].CopyFrom(tensor)
    file = tmp_path / WARM_UP
    file.parent.mkdir()

    def write(*records: Any) -> None:
        with tf.io.TFRecordWriter(str(file)) as writer:
            for record in records:
                writer.write(record.SerializeToString())

    write(*logs)
    assert made.warm_up(file) == 4
    assert made.warm_up(tmp_path / "none") == 0
    session = prediction_log_pb2.PredictionLog()
    session.session_run_log.SetInParent()
    write(session)
    with pytest.raises(Refusal, match="Unsupported log_type for warmup"):
        made.warm_up(file)
    write(*[logs[0]] * 1001)
    with pytest.raises(Refusal, match=r"Number of warmup records exceeds the maximum \(1000\)"):
        made.warm_up(file)
    file.write_bytes(b"no records at all" * 10)
    with pytest.raises(Refusal, match=r"Please verify your warmup data is in TFRecord format\.") as refused:
        made.warm_up(file)
    assert refused.value.status is Status.DATA_LOSS


def test_warm_ups_are_counted(exports: Path, tmp_path: Path) -> None:
    shutil.copytree(exports / "scale", tmp_path / "1")
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
    (tmp_path / "1" / WARM_UP).parent.mkdir()
    with tf.io.TFRecordWriter(str(tmp_path / "1" / WARM_UP)) as writer:
        writer.write(log.SerializeToString())
    metrics = Metrics()
    Servable.load(tmp_path / "1", metrics=metrics)
    Servable.load(exports / "scale", metrics=metrics)
    name = f':tensorflow:serving:model_warmup_latency_count{{model_path="{tmp_path}/1",status="OK"}} 1'
    assert [line for line in metrics.text().splitlines() if "warmup_latency_count" in line] == [name]
