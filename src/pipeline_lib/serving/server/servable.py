"""One version of a model in memory: a SavedModel with its signatures, warmed up."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from pipeline_lib.serving.server.refusals import Refusal, Status, invalid

DEFAULT_SIGNATURE = "serving_default"
WARM_UP = "assets.extra/tf_serving_warmup_requests"
_SERVE = "serve"
# SavedModel's own signature for restoring variables; nobody predicts with it.
_INIT = "__saved_model_init_op"


class Servable:
    """A loaded SavedModel.

    Attributes:
        signatures: Its SignatureDefs by name.
    """

    def __init__(self, directory: Path) -> None:
        self.signatures: Mapping[str, Any] = _signatures(directory)
        # The object holds the variables: functions alone would not keep them alive.
        self._model = tf.saved_model.load(str(directory))
        self._functions = dict(self._model.signatures)

    @classmethod
    def load(cls, directory: Path) -> "Servable":
        """A servable that has answered its warm-up requests.

        Raises:
            Refusal: A warm-up request is refused.
        """
        made = cls(directory)
        made.warm_up(directory / WARM_UP)
        return made

    def signature(self, name: str | None) -> Any:
        """The SignatureDef of that name, by default `serving_default`.

        Raises:
            Refusal: INVALID_ARGUMENT if there is none.
        """
        chosen = name or DEFAULT_SIGNATURE
        if chosen not in self.signatures or chosen not in self._functions:
            raise invalid(f'Serving signature name: "{chosen}" not found in signature def')
        return self.signatures[chosen]

    def predict(
        self, name: str | None, inputs: Mapping[str, np.ndarray[Any, Any]], outputs: Sequence[str] = ()
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Run a signature.

        Args:
            name: Of the signature; by default `serving_default`.
            inputs: One array an input, of the signature's type; text as arrays of bytes objects.
            outputs: Names of the outputs to give; by default all.

        Raises:
            Refusal: INVALID_ARGUMENT for inputs or outputs that do not fit, INTERNAL if the graph fails.
        """
        signature = self.signature(name)
        _require_inputs(signature, inputs)
        for output in outputs:
            if output not in signature.outputs:
                raise invalid(f"output tensor alias not found in signature: {output}")
        try:
            tensors = {
                alias: tf.constant(array, dtype=tf.dtypes.as_dtype(signature.inputs[alias].dtype))
                for alias, array in inputs.items()
            }
            answer = self._functions[name or DEFAULT_SIGNATURE](**tensors)
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            raise invalid(str(error).partition("\n")[0]) from error
        except tf.errors.OpError as error:
            raise Refusal(Status.INTERNAL, str(error)) from error
        return {alias: answer[alias].numpy() for alias in outputs or answer}

    def warm_up(self, file: Path) -> int:
        """Answer the requests of a warm-up file, if there is one; how many there were."""
        if not file.is_file():
            return 0
        count = 0
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            if log.WhichOneof("log_type") != "predict_log":
                raise Refusal(Status.UNIMPLEMENTED, "Only Predict requests can be warm-up requests here.")
            request = log.predict_log.request
            inputs = {alias: tf.make_ndarray(tensor) for alias, tensor in request.inputs.items()}
            self.predict(request.model_spec.signature_name, inputs)
            count += 1
        return count


def _require_inputs(signature: Any, inputs: Mapping[str, Any]) -> None:
    given, needed = set(inputs), set(signature.inputs)
    if given == needed:
        return
    raise invalid(
        f"input size does not match signature: {len(given)}!={len(needed)} "
        f"len({{{','.join(sorted(given))}}}) != len({{{','.join(sorted(needed))}}}). "
        f"Sent extra: {{{','.join(sorted(given - needed))}}}. "
        f"Missing but required: {{{','.join(sorted(needed - given))}}}."
    )


def _signatures(directory: Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    saved = saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        if _SERVE in graph.meta_info_def.tags:
            return {name: signature for name, signature in graph.signature_def.items() if name != _INIT}
    raise Refusal(Status.NOT_FOUND, f"Could not find meta graph def matching supplied tags: {{ {_SERVE} }}")
