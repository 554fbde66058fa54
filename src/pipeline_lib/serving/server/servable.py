"""One version of a model in memory: what may be asked of its signatures, batched and warmed up."""

import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from pipeline_lib.serving.server import inference
from pipeline_lib.serving.server.batching import Batcher, BatchingOptions
from pipeline_lib.serving.server.metrics import Metrics
from pipeline_lib.serving.server.refusals import Refusal, Status, invalid
from pipeline_lib.serving.server.saved_model import SavedModel
from pipeline_lib.serving.server.tensors import to_arrays

Array = np.ndarray[Any, Any]

DEFAULT_SIGNATURE = "serving_default"
WARM_UP = "assets.extra/tf_serving_warmup_requests"
_WARM_UP_LIMIT = 1000
_QUICK_SECONDS = 0.002
_FORGETTING = 0.9


class Servable:
    """A loaded model.

    Args:
        directory: Of the SavedModel.
        batching: Run requests together; None runs each alone.
        metrics: Where waiting times are counted.

    Attributes:
        signatures: Its SignatureDefs by name.
    """

    def __init__(
        self, directory: Path, *, batching: BatchingOptions | None = None, metrics: Metrics | None = None
    ) -> None:
        self._model = SavedModel(directory)
        self.signatures = self._model.signatures
        self._batcher = None
        if batching is not None:
            waited = metrics.queued if metrics is not None else _unheard
            self._batcher = Batcher(self._model.run, batching, waited=waited)
            # Not before the last request that holds this servable has its answer.
            weakref.finalize(self, self._batcher.stop)
        # Seconds of a run by signature: the longest, forgotten little by little.
        self._slowest: dict[str, float] = {}

    @classmethod
    def load(
        cls, directory: Path, *, batching: BatchingOptions | None = None, metrics: Metrics | None = None
    ) -> "Servable":
        """A servable that has answered its warm-up requests.

        Raises:
            Refusal: It cannot be loaded, or a warm-up request is refused.
        """
        made = cls(directory, batching=batching, metrics=metrics)
        started = time.perf_counter()
        if made.warm_up(directory / WARM_UP) and metrics is not None:
            metrics.warmed_up(str(directory), status="OK", seconds=time.perf_counter() - started)
        return made

    def signature(self, name: str | None) -> Any:
        """The SignatureDef of that name, by default `serving_default`.

        Raises:
            Refusal: INVALID_ARGUMENT if there is none.
        """
        chosen = name or DEFAULT_SIGNATURE
        if chosen not in self.signatures:
            raise invalid(f'Serving signature name: "{chosen}" not found in signature def')
        return self.signatures[chosen]

    def quick(self, name: str | None) -> bool:
        """Whether runs of a signature are so short that handing one to a thread costs more."""
        chosen = name or DEFAULT_SIGNATURE
        return self._batcher is None and self._slowest.get(chosen, _QUICK_SECONDS) < _QUICK_SECONDS

    def predict(
        self, name: str | None, inputs: Mapping[str, Array], outputs: Sequence[str] = ()
    ) -> dict[str, Array]:
        """Run a signature.

        Args:
            name: Of the signature; by default `serving_default`.
            inputs: One array an input, of the signature's type; text as arrays of bytes objects.
            outputs: Names of the outputs to give; by default all.

        Raises:
            Refusal: INVALID_ARGUMENT for inputs or outputs that do not fit, else what the graph says.
        """
        signature = self.signature(name)
        if inputs.keys() != signature.inputs.keys():
            inputs = _with_defaults(signature, inputs)
        if outputs:
            _require_outputs(signature, outputs)
        # In the signature's order: requests in another one share its call and its batches.
        feeds = {info.name: inputs[alias] for alias, info in sorted(signature.inputs.items())}
        aliases = list(outputs) or sorted(signature.outputs)
        found = self._run(name, feeds, [signature.outputs[alias].name for alias in aliases])
        return dict(zip(aliases, found, strict=True))

    def classify(self, name: str | None, examples: Sequence[bytes]) -> list[inference.Classes]:
        """Classes of examples, by a signature whose method is classify.

        Args:
            name: Of the signature.
            examples: Serialised tf.Examples.

        Raises:
            Refusal: The signature is of another kind, or the examples do not fit.
        """
        kind = inference.classification(self._described(name))
        found = self._run(name, {kind.feed: inference.batch(examples)}, kind.fetches)
        return inference.classes(kind, found, len(examples))

    def regress(self, name: str | None, examples: Sequence[bytes]) -> list[float]:
        """Values of examples, by a signature whose method is regress.

        Raises:
            Refusal: The signature is of another kind, or the examples do not fit.
        """
        kind = inference.regression(self._described(name))
        found = self._run(name, {kind.feed: inference.batch(examples)}, kind.fetches)
        return inference.values(kind, found, len(examples))

    def infer(
        self, tasks: Sequence[tuple[str, str]], examples: Sequence[bytes]
    ) -> list[list[inference.Classes] | list[float]]:
        """Several classifications and regressions of the same examples in one run.

        Args:
            tasks: Signature and method of each.
            examples: Serialised tf.Examples.

        Raises:
            Refusal: UNIMPLEMENTED for another method, INVALID_ARGUMENT if they do not read the same input.
        """
        names = [name or DEFAULT_SIGNATURE for name, _ in tasks]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise invalid(f"Duplicate evaluation of signature: {twice}")
        kinds = [
            inference.of_method(self._described(name, "Requested signature not found in model graph"), method)
            for name, (_, method) in zip(names, tasks, strict=True)
        ]
        if len({kind.feed for kind in kinds}) != 1:
            raise invalid("Input tensor must be the same for all Signatures.")
        fetches = list(dict.fromkeys(fetch for kind in kinds for fetch in kind.fetches))
        found = dict(
            zip(fetches, self._run("", {kinds[0].feed: inference.batch(examples)}, fetches), strict=True)
        )
        return [
            inference.results(kind, [found[fetch] for fetch in kind.fetches], len(examples)) for kind in kinds
        ]

    def warm_up(self, file: Path) -> int:
        """Answer the requests of a warm-up file, if there is one; how many there were.

        Raises:
            Refusal: One is refused, or of a kind that is not for warm-ups.
        """
        if not file.is_file():
            return 0
        count = 0
        try:
            for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
                if count == _WARM_UP_LIMIT:
                    raise invalid(
                        f"Number of warmup records exceeds the maximum ({_WARM_UP_LIMIT}) at {file}"
                    )
                self._replay(_logged(record, file))
                count += 1
        except tf.errors.DataLossError as error:
            told = f"{error.message}. Please verify your warmup data is in TFRecord format."
            raise Refusal(Status.DATA_LOSS, told) from error
        return count

    def _replay(self, log: Any) -> None:
        match log.WhichOneof("log_type"):
            case "predict_log":
                request = log.predict_log.request
                self.predict(request.model_spec.signature_name, to_arrays(request.inputs))
            case "classify_log":
                request = log.classify_log.request
                self.classify(request.model_spec.signature_name, inference.examples_of(request.input))
            case "regress_log":
                request = log.regress_log.request
                self.regress(request.model_spec.signature_name, inference.examples_of(request.input))
            case "multi_inference_log":
                request = log.multi_inference_log.request
                tasks = [(task.model_spec.signature_name, task.method_name) for task in request.tasks]
                self.infer(tasks, inference.examples_of(request.input))
            case kind:
                raise Refusal(Status.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")

    def _described(self, name: str | None, absent: str = "No signature was found with the name") -> Any:
        chosen = name or DEFAULT_SIGNATURE
        if chosen not in self.signatures:
            raise invalid(f"{absent}: {chosen}")
        return self.signatures[chosen]

    def _run(self, name: str | None, feeds: Mapping[str, Array], fetches: Sequence[str]) -> list[Array]:
        if self._batcher is not None:
            return self._batcher.submit(feeds, fetches).result()
        started = time.perf_counter()
        found = self._model.run(feeds, fetches, alone=self.quick(name))
        seconds, chosen = time.perf_counter() - started, name or DEFAULT_SIGNATURE
        before = self._slowest.get(chosen)
        # The first run is the one that optimises the graph.
        self._slowest[chosen] = max(seconds, before * _FORGETTING) if before is not None else _QUICK_SECONDS
        return found


def _require_outputs(signature: Any, outputs: Sequence[str]) -> None:
    for output in outputs:
        if output not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {output} Outputs expected to be in the set "
                f"{{{','.join(sorted(signature.outputs))}}}."
            )
    if len(set(outputs)) != len(outputs):
        twice = next(output for output in outputs if list(outputs).count(output) > 1)
        raise invalid(f"duplicate output tensor alias: {twice}")


def _with_defaults(signature: Any, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    """Inputs with the signature's defaults for those that are missing.

    Raises:
        Refusal: INVALID_ARGUMENT for unknown names, and missing ones without a default.
    """
    given, known = set(inputs), set(signature.inputs)
    if len(given) > len(known) or (len(given) < len(known) and not signature.defaults):
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(known)} "
            f"len({{{_listed(given)}}}) != len({{{_listed(known)}}}). "
            f"Sent extra: {{{_listed(given - known)}}}. Missing but required: {{{_listed(known - given)}}}."
        )
    for alias, info in sorted(signature.inputs.items()):
        if alias not in given and alias not in signature.defaults:
            raise invalid(
                f"Signature input alias: {alias}(feed name: {info.name}) not found in request and no default "
                f"value provided. Inputs expected to be in the request {{{_listed(given)}}}, or default "
                f"input alias set: {_listed(signature.defaults)}"
            )
    if given - known:
        raise invalid(
            f"Inputs contains invalid name. Used request inputs: {_listed(given & known)}, request input: "
            f"{_listed(given)}"
        )
    return {**to_arrays({alias: signature.defaults[alias] for alias in known - given}), **inputs}


def _logged(record: bytes, file: Path) -> Any:
    try:
        return prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record from {file}") from error


def _listed(names: Iterable[str]) -> str:
    return ",".join(sorted(names))


def _unheard(seconds: float) -> None:
    del seconds
