"""`export_model`: one SavedModel that takes raw data, for `build` modules and `run_fn` alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def export_model(
    model: Any,
    directory: str | Path,
    *,
    transform_graph: str | Path | None = None,
    schema: Any = None,
    label: str | Sequence[str] = (),
) -> None:
    """Save a Keras model so that a server can answer from raw data, with the transform graph inside.

    The SavedModel asks for exactly the raw columns that the model depends on: the label, and whatever only
    the label is computed from, is not among them. Signatures:

    - `serving_default`: serialised tf.Examples, shape (batch,) -> predictions.
    - `columns`: one tensor for each raw column, shape (batch,) or (batch, 1) -> predictions. Missing: NaN
      for numbers (a whole-number column that may be missing is float64, exact to 2**53), "" for text.
      A column with several values a row is (batch, width), filled up with that mark.
    - `transform_features`: serialised tf.Examples with all raw columns -> all dense transformed features,
      the label among them. Only with a transform graph.
    - `transform_columns`: the same from raw columns.

    Predictions are the output `outputs`, shape (batch, ...), or the model's own names if it has several.

    Args:
        model: A Keras 3 or tf_keras model that takes features by name.
        directory: Where to write, `fn_args.serving_model_dir`.
        transform_graph: Directory of the transform graph; None: the model takes raw columns.
        schema: Of the raw columns: the path of a schema.pbtxt, or a Schema message. Needed without a
            transform graph if columns may be missing; with one, the graph's own is used.
        label: Features to leave out when the model does not tell its inputs (a subclassed model).

    Raises:
        ExportError: The model has an input that neither the graph nor the schema gives.
    """
    from pipeline_components.train._export import export

    labels = (label,) if isinstance(label, str) else tuple(label)
    export(model, Path(directory), transform_graph=transform_graph, schema=schema, labels=labels)
