"""What is written into the model that may be pushed: warm-up requests, golden requests and answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from pipeline_components.validate_infra._requests import Request, Unfit
from pipeline_lib.serving.fleet import golden

WARM_UP = "assets.extra/tf_serving_warmup_requests"

Answer = Mapping[str, "np.ndarray[Any, Any]"]


def answers_of(directory: Path, requests: Sequence[Request]) -> list[Answer]:
    """What the model itself gives, without a server.

    Raises:
        Unfit: It cannot be loaded, or fails.
    """
    try:
        model = tf.saved_model.load(str(directory))
        return [_answer(model, request) for request in requests]
    except Unfit:
        raise
    except Exception as error:  # a model is code: whatever it raises is a verdict on it
        text = str(error).strip().partition("\n")[0]
        raise Unfit(f"it fails without a server: {type(error).__name__}: {text}") from error


def write_warm_up(directory: Path, requests: Sequence[Request], model_name: str) -> None:
    """One warm-up request of one row for each signature."""
    file = directory / WARM_UP
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog()
            asked = log.predict_log.request
            asked.model_spec.name = model_name
            asked.model_spec.signature_name = request.signature
            for name, array in request.of_row(0).inputs.items():
                asked.inputs[name].CopyFrom(tf.make_tensor_proto(array))
            writer.write(log.SerializeToString())


def golden_of(request: Request, answer: Answer) -> golden.GoldenRequest:
    """A request and its answer, for the file."""
    return golden.GoldenRequest(
        signature=request.signature,
        inputs={name: _written(array) for name, array in request.inputs.items()},
        outputs={name: _written(array) for name, array in answer.items()},
    )


def write_golden(directory: Path, requests: Sequence[golden.GoldenRequest]) -> None:
    """The golden requests, where `push` finds them."""
    file = directory / golden.FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(golden.to_text(requests))


def _answer(model: Any, request: Request) -> Answer:
    if request.signature not in model.signatures:
        raise Unfit(f"its signature {request.signature!r} cannot be called")
    tensors = {name: tf.constant(array) for name, array in request.inputs.items()}
    return {
        name: np.asarray(tensor.numpy())
        for name, tensor in model.signatures[request.signature](**tensors).items()
    }


def _written(array: "np.ndarray[Any, Any]") -> golden.Column:
    dtype = "string" if array.dtype == object else array.dtype.name
    return golden.Column(dtype=dtype, values=golden.plain(array.tolist()))
