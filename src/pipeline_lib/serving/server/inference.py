"""Classification and regression: which tensors of a signature they are, and how their answers must look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline_lib.serving.server.refusals import Refusal, Status, invalid

Array = np.ndarray[Any, Any]
# Label and score; a model without labels has "" for them, one without scores 0.
Classes = list[tuple[str, float]]

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """The tensors of a signature that is no prediction.

    Attributes:
        feed: Of the serialised examples.
        classes: "" if it has none.
        scores: "" if it has none.
        outputs: Of a regression, else "".
    """

    feed: str
    classes: str = ""
    scores: str = ""
    outputs: str = ""

    @property
    def fetches(self) -> list[str]:
        """Tensors to compute."""
        return [name for name in (self.classes, self.scores, self.outputs) if name]


def of_method(signature: Any, method: str) -> Method:
    """The tensors of a signature, for a method that a client names.

    Raises:
        Refusal: UNIMPLEMENTED for a method that is neither, or the signature is of another one.
    """
    if method == CLASSIFY:
        return classification(signature)
    if method == REGRESS:
        return regression(signature)
    raise Refusal(Status.UNIMPLEMENTED, f"Unsupported signature method_name: {method}")


def classification(signature: Any) -> Method:
    """The tensors of a classification signature.

    Raises:
        Refusal: It is none.
    """
    _require(signature, CLASSIFY, "classification")
    if len(signature.outputs) not in {1, 2}:
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if not {"classes", "scores"} & set(signature.outputs):
        raise Refusal(
            Status.FAILED_PRECONDITION,
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            f"Signature was: {signature}",
        )
    return Method(
        feed=signature.inputs["inputs"].name,
        classes=signature.outputs["classes"].name if "classes" in signature.outputs else "",
        scores=signature.outputs["scores"].name if "scores" in signature.outputs else "",
    )


def regression(signature: Any) -> Method:
    """The tensors of a regression signature.

    Raises:
        Refusal: It is none.
    """
    _require(signature, REGRESS, "regression")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if "outputs" not in signature.outputs:
        raise Refusal(Status.FAILED_PRECONDITION, f"No regression outputs found in SignatureDef: {signature}")
    return Method(feed=signature.inputs["inputs"].name, outputs=signature.outputs["outputs"].name)


def examples_of(given: Any) -> list[bytes]:
    """The examples of an `Input` message, serialised; the context is part of each.

    Raises:
        Refusal: INVALID_ARGUMENT if there are none.
    """
    if given.WhichOneof("kind") == "example_list_with_context":
        # Messages one after the other are one message: its maps are merged, the later entry wins.
        shared = given.example_list_with_context.context.SerializeToString()
        found = [shared + one.SerializeToString() for one in given.example_list_with_context.examples]
    else:
        found = [one.SerializeToString() for one in given.example_list.examples]
    if not found:
        raise invalid("Input is empty.")
    return found


def batch(examples: Sequence[bytes]) -> Array:
    """Serialised examples as the graph takes them, shape (examples,)."""
    return np.array(examples, dtype=object)


def results(method: Method, found: Sequence[Array], rows: int) -> list[Classes] | list[float]:
    """The answer, from the tensors that `Method.fetches` names.

    Raises:
        Refusal: INVALID_ARGUMENT if they do not have the shape or type of one.
    """
    return values(method, found, rows) if method.outputs else classes(method, found, rows)


def classes(method: Method, found: Sequence[Array], rows: int) -> list[Classes]:
    """Labels and scores of each example.

    Args:
        method: The signature's tensors.
        found: Arrays of `method.fetches`, shape (rows, classes).
        rows: How many examples there were.

    Raises:
        Refusal: INVALID_ARGUMENT if they do not have the shape or type of labels and scores.
    """
    arrays = dict(zip(method.fetches, found, strict=True))
    labels, scores = arrays.get(method.classes), arrays.get(method.scores)
    if labels is not None:
        _require_matrix(labels, rows, "classes", "O", "DT_STRING")
    if scores is not None:
        _require_matrix(scores, rows, "scores", "f4", "DT_FLOAT")
    if labels is not None and scores is not None and labels.shape != scores.shape:
        raise invalid(
            "Tensors class and score should match in dim_size(1). Got "
            f"{labels.shape[1]} vs. {scores.shape[1]}"
        )
    count = found[0].shape[1]
    names = labels.tolist() if labels is not None else [[b""] * count] * rows
    numbers = scores.tolist() if scores is not None else [[0.0] * count] * rows
    return [
        [(name.decode("utf-8", "replace"), number) for name, number in zip(*row, strict=True)]
        for row in zip(names, numbers, strict=True)
    ]


def values(method: Method, found: Sequence[Array], rows: int) -> list[float]:
    """The value of each example.

    Raises:
        Refusal: INVALID_ARGUMENT if the output has not the shape or type of values.
    """
    del method
    (output,) = found
    if not (output.ndim == 1 or (output.ndim == 2 and output.shape[1] == 1)):
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{_shape(output)}"
        )
    if len(output) != rows:
        raise invalid(f"Input batch size did not match output batch size: {rows} vs. {len(output)}")
    if output.dtype != np.float32:
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {output.dtype}")
    return [float(value) for value in output.ravel()]


def _require(signature: Any, method: str, kind: str) -> None:
    if signature.method_name != method:
        raise invalid(f"Expected {kind} signature method_name to be {method}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if "inputs" not in signature.inputs:
        raise Refusal(Status.FAILED_PRECONDITION, f"No {kind} inputs found in SignatureDef: {signature}")


def _require_matrix(array: Array, rows: int, name: str, dtype: str, told: str) -> None:
    if array.ndim != 2:
        raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}")
    if array.dtype != np.dtype(dtype):
        raise invalid(f"Expected {name} Tensor of {told}. Got: {array.dtype}")
    if len(array) != rows:
        raise invalid(f"Expected {name} output batch size of {rows}. Got: {len(array)}")


def _shape(array: Array) -> str:
    return f"[{','.join(map(str, array.shape))}]"
