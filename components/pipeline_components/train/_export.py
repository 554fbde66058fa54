"""Behind `export_model`: serving functions around a Keras model and a transform graph."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils

from pipeline_components.errors import ExportError
from pipeline_components.train._autograph import without_converting_tf_keras
from pipeline_components.train._raw import RawFeature, Tensors, raw_features


class ModelInput(NamedTuple):
    """An input of a Keras model: name, rank with the batch, TensorFlow dtype."""

    name: str
    rank: int
    dtype: tf.DType


def export(
    model: Any, directory: Path, *, transform_graph: str | Path | None, schema: Any, labels: Sequence[str]
) -> None:
    """See `pipeline_components.train.export.export_model`."""
    served = tf.Module()
    if transform_graph is not None:
        functions = _with_graph(model, served, str(transform_graph), labels)
    else:
        functions = _without_graph(model, schema, labels)
    served.functions = functions
    _hold(served, model, functions)
    with without_converting_tf_keras():
        tf.saved_model.save(served, str(directory), signatures=functions)


def _hold(served: tf.Module, model: Any, functions: Mapping[str, Any]) -> None:
    """Make everything that has variables or tables part of what is saved.

    Not a Keras 3 model itself: its variables are saved as copies, and a server that restores by name finds
    the ones that the functions read empty. (`tf.saved_model.load` does not mind.)
    """
    if not isinstance(model, keras.layers.Layer):
        served.model = model
        return
    used = [
        each for function in functions.values() for each in function.get_concrete_function().graph.variables
    ]
    served.captured = list({id(variable): variable for variable in used}.values())
    served.resources = [
        each
        for each in tf.train.TrackableView(model).descendants()
        if isinstance(each, tf.saved_model.experimental.TrackableResource)
    ]


def model_inputs(model: Any) -> list[ModelInput] | None:
    """The inputs of a functional or sequential model of either Keras; None if the model does not tell."""
    given = getattr(model, "inputs", None)
    if not given:
        return None
    names = getattr(model, "input_names", None) or [tensor.name for tensor in given]
    return [
        ModelInput(name, len(tensor.shape), tf.as_dtype(tensor.dtype))
        for name, tensor in zip(names, given, strict=True)
    ]


def _with_graph(model: Any, served: tf.Module, graph: str, labels: Sequence[str]) -> dict[str, Any]:
    output = tft.TFTransformOutput(graph)
    features = raw_features(output.raw_feature_spec(), output.raw_metadata.schema)
    served.transform = tf.saved_model.load(output.transform_savedmodel_dir)
    transform = served.transform.transform_fn
    wanted = model_inputs(model)
    made = transform.structured_outputs
    names = [item.name for item in wanted] if wanted else [name for name in made if name not in labels]
    _require(names, made, "the transform graph")
    needed = {name: features[name] for name in features if name in _ancestors(transform, names)}

    def predict(given: Tensors) -> Tensors:
        rows = _rows(given)
        for name, feature in features.items():
            if name not in given:
                given[name] = feature.stand_in(rows)
        transformed = transform(given)
        return _call(model, wanted, {name: transformed[name] for name in names})

    def transform_all(given: Tensors) -> Tensors:
        return {name: value for name, value in transform(given).items() if isinstance(value, tf.Tensor)}

    return {
        "serving_default": _from_examples(needed, predict),
        "columns": _from_columns(needed, predict),
        "transform_features": _from_examples(features, transform_all),
        "transform_columns": _from_columns(features, transform_all),
    }


def _without_graph(model: Any, schema: Any, labels: Sequence[str]) -> dict[str, Any]:
    wanted = model_inputs(model)
    if schema is not None:
        message = schema if isinstance(schema, schema_pb2.Schema) else _read_schema(schema)
        spec = schema_utils.schema_as_feature_spec(message).feature_spec
        features = raw_features(spec, message)
        names = (
            [item.name for item in wanted] if wanted else [name for name in features if name not in labels]
        )
        _require(names, features, "the schema")
        needed = {name: features[name] for name in names}
    elif wanted is not None:
        needed = {
            item.name: RawFeature(
                name=item.name, spec=tf.io.FixedLenFeature([1], _parsable(item.dtype)), single=True
            )
            for item in wanted
        }
    else:
        raise ExportError(
            "nothing says which columns the model takes",
            model=type(model).__name__,
            fix="give export_model a schema or a transform graph, or use a functional model",
        )

    def predict(given: Tensors) -> Tensors:
        return _call(model, wanted, {name: _dense(value) for name, value in given.items()})

    return {"serving_default": _from_examples(needed, predict), "columns": _from_columns(needed, predict)}


def _from_examples(features: Mapping[str, RawFeature], body: Callable[[Tensors], Tensors]) -> Any:
    spec = {name: feature.spec for name, feature in features.items()}

    def from_examples(examples: tf.Tensor) -> Tensors:
        return body(tf.io.parse_example(examples, spec))

    signature = [tf.TensorSpec([None], tf.string, name="examples")]
    return tf.function(from_examples, input_signature=signature, autograph=False)


def _from_columns(features: Mapping[str, RawFeature], body: Callable[[Tensors], Tensors]) -> Any:
    def from_columns(columns: Tensors) -> Tensors:
        return body({name: feature.from_column(columns[name]) for name, feature in features.items()})

    signature = {name: feature.column_spec() for name, feature in features.items()}
    return tf.function(from_columns, input_signature=[signature], autograph=False)


def _call(model: Any, wanted: Sequence[ModelInput] | None, features: Tensors) -> Tensors:
    for item in wanted or ():
        value = features[item.name]
        if isinstance(value, tf.Tensor) and item.dtype not in (value.dtype, tf.string):
            value = tf.cast(value, item.dtype)
        if isinstance(value, tf.Tensor) and value.shape.rank == item.rank - 1:
            value = tf.expand_dims(value, -1)
        features[item.name] = value
    single = wanted is not None and len(wanted) == 1 and not _takes_names(model)
    outputs = model(next(iter(features.values())) if single else features, training=False)
    if isinstance(outputs, Mapping):
        return dict(outputs)
    if isinstance(outputs, list | tuple):
        return {f"output_{index}": value for index, value in enumerate(outputs)}
    return {"outputs": outputs}


def _takes_names(model: Any) -> bool:
    try:
        return isinstance(model.input, Mapping)
    except AttributeError:  # a Keras 3 Sequential that was not called yet
        return False


def _ancestors(transform: Any, outputs: Sequence[str]) -> set[str]:
    """The raw features that some transformed features are computed from.

    Walks the graph of the transform function backwards from `outputs`; control edges do not count.
    """
    (given,), _ = transform.structured_input_signature
    sources: dict[str, str] = {}
    flat = tf.nest.flatten(given, expand_composites=True)
    owners = [name for name in sorted(given) for _ in tf.nest.flatten(given[name], expand_composites=True)]
    for name, placeholder in zip(owners, transform.graph.inputs[: len(flat)], strict=True):
        sources[placeholder.op.name] = name
    results = dict(zip(sorted(transform.structured_outputs), _grouped(transform), strict=True))
    waiting = [tensor.op for name in outputs for tensor in results[name]]
    seen: set[str] = set()
    while waiting:
        op = waiting.pop()
        if op.name not in seen:
            seen.add(op.name)
            waiting.extend(tensor.op for tensor in op.inputs)
    return {name for op, name in sources.items() if op in seen}


def _grouped(transform: Any) -> list[list[Any]]:
    """The graph's output tensors, by feature in order of names: a sparse one has three."""
    left = list(transform.graph.outputs)
    groups = []
    for name in sorted(transform.structured_outputs):
        size = len(tf.nest.flatten(transform.structured_outputs[name], expand_composites=True))
        groups.append(left[:size])
        left = left[size:]
    return groups


def _dense(value: Any) -> Any:
    """A raw feature as models without a transform graph see it: NaN or "" where it is missing."""
    if not isinstance(value, tf.SparseTensor):
        return value
    if value.dtype == tf.int64:
        value = tf.cast(value, tf.float32)
    default = "" if value.dtype == tf.string else float("nan")
    one = tf.SparseTensor(value.indices, value.values, [value.dense_shape[0], 1])
    return tf.sparse.to_dense(one, default)


def _rows(given: Tensors) -> tf.Tensor:
    first = next(iter(given.values()))
    if isinstance(first, tf.SparseTensor):
        return tf.cast(first.dense_shape[0], tf.int32)
    return tf.cast(first.nrows(), tf.int32) if isinstance(first, tf.RaggedTensor) else tf.shape(first)[0]


def _require(names: Sequence[str], offered: Mapping[str, Any], by: str) -> None:
    unknown = [name for name in names if name not in offered]
    if unknown or not names:
        raise ExportError(
            f"the model's inputs are not among the features of {by}",
            unknown=", ".join(unknown) or "the model has no inputs",
            offered=", ".join(sorted(offered)),
            fix="name each keras.Input as the feature it takes",
        )


def _parsable(dtype: tf.DType) -> tf.DType:
    if dtype == tf.string:
        return tf.string
    return tf.int64 if dtype.is_integer else tf.float32


def _read_schema(path: str | Path) -> Any:
    return text_format.Parse(Path(path).read_text(), schema_pb2.Schema())
