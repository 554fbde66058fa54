"""What a SavedModel takes and gives, read from its file without loading the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from pipeline_components.errors import UnusableModelError

COLUMNS_SIGNATURE = "columns"
EXAMPLES_SIGNATURE = "serving_default"
TRANSFORM_SIGNATURES = ("transform_columns", "transform_features")
_USUAL_OUTPUTS = ("predictions", "probabilities", "logistic", "scores", "output_0", "outputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One way to call a SavedModel.

    Attributes:
        name: As the SavedModel has it.
        takes: `columns`: one tensor [rows, 1] per raw column; `examples`: one tensor [rows] of serialised
            tf.Examples.
        inputs: TensorFlow dtype by input name.
        outputs: The outputs' names.
    """

    name: str
    takes: Literal["columns", "examples"]
    inputs: Mapping[str, tf.DType]
    outputs: tuple[str, ...]


def signatures(directory: Path) -> dict[str, Signature]:
    """The signatures of a SavedModel, by name.

    Raises:
        UnusableModelError: There is no SavedModel, or its file is broken.
    """
    file = directory / "saved_model.pb"
    if not file.is_file():
        raise UnusableModelError(
            "the model has no SavedModel",
            at=str(file),
            fix="write one to Format-Serving/ in the model's directory",
        )
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise UnusableModelError(
            "saved_model.pb is damaged", at=str(file), fix="train the model again"
        ) from error
    serving = [graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags]
    definitions = serving[0].signature_def if serving else {}
    return {name: _signature(name, each) for name, each in definitions.items() if not name.startswith("__")}


def prediction_signature(directory: Path, wanted: str | None = None) -> Signature:
    """The signature to predict with: `columns` if the model has it, else `serving_default`.

    Raises:
        UnusableModelError: The model has neither, or not the one wanted.
    """
    found = signatures(directory)
    for name in (wanted,) if wanted else (COLUMNS_SIGNATURE, EXAMPLES_SIGNATURE):
        if name in found:
            return found[name]
    raise UnusableModelError(
        f"the model has no signature {wanted or EXAMPLES_SIGNATURE!r}",
        has=", ".join(sorted(found)) or "none",
        at=str(directory),
        fix="export it with a signature from raw columns or tf.Examples",
    )


def transform_of(directory: Path, feature: str) -> Signature | None:
    """The signature that computes a transformed feature, if the model has one."""
    found = signatures(directory)
    able = [found[name] for name in TRANSFORM_SIGNATURES if name in found and feature in found[name].outputs]
    return able[0] if able else None


def prediction_output(signature: Signature, wanted: str | None, at: Path) -> str:
    """The output that holds the predictions.

    Raises:
        UnusableModelError: There are several and none is usual, or there is not the one wanted.
    """
    if wanted in signature.outputs:
        return str(wanted)
    usual = [name for name in _USUAL_OUTPUTS if name in signature.outputs]
    if wanted is None and (len(signature.outputs) == 1 or usual):
        return signature.outputs[0] if len(signature.outputs) == 1 else usual[0]
    raise UnusableModelError(
        f"signature {signature.name!r} has no output {wanted!r}"
        if wanted
        else f"signature {signature.name!r} has several outputs",
        has=", ".join(signature.outputs),
        at=str(at),
        fix="name one of them as prediction_key",
    )


def _signature(name: str, definition: meta_graph_pb2.SignatureDef) -> Signature:
    inputs = {key: tf.dtypes.as_dtype(info.dtype) for key, info in definition.inputs.items()}
    only = next(iter(definition.inputs.values())) if len(inputs) == 1 else None
    serialised = (
        only is not None and only.dtype == tf.string.as_datatype_enum and len(only.tensor_shape.dim) == 1
    )
    return Signature(
        name=name,
        takes="examples" if serialised else "columns",
        inputs=inputs,
        outputs=tuple(sorted(definition.outputs)),
    )
