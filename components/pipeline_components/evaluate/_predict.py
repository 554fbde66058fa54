"""From row groups to predicted rows: every model sees each row once, in batches."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from pipeline_components.errors import LabelValueError, NonFinitePredictionError, UnusableModelError
from pipeline_components.evaluate._batches import Encoded, Scored, encode
from pipeline_components.evaluate._signatures import Signature
from pipeline_lib import PipelineError
from pipeline_lib.artifacts.remote_store import open_filesystem
from pipeline_lib.beam.batches import list_columns
from pipeline_lib.beam.sources import ReadOptions, RowGroup, read_row_group

ROWS_PER_CALL = 8_192
"""Rows a model predicts at once: the call's overhead does not count, and large models still fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """How to get predictions of one model.

    Attributes:
        name: `candidate` or `baseline`.
        directory: Its SavedModel on the driver's disk.
        uri: The same for workers that do not see that disk.
        signature: What to call.
        output: Which output holds the predictions.
    """

    name: str
    directory: str
    uri: str
    signature: Signature
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePlan:
    """What to read and what to predict.

    Attributes:
        models: Candidate first.
        label: Column of the labels, or a transformed feature.
        transform: The candidate's signature that gives the label, if it is a transformed feature.
        weight: Column of the weights.
        slices: Columns to slice by.
        binary: Whether labels must lie within 0 to 1.
        drop_unlabelled: Whether rows without a label are left out instead of refused.
    """

    models: tuple[ModelCall, ...]
    label: str
    transform: Signature | None
    weight: str | None
    slices: tuple[str, ...]
    binary: bool
    drop_unlabelled: bool

    def columns(self, available: tuple[str, ...]) -> tuple[str, ...]:
        """The columns to read, of those there are; tf.Examples are made of all."""
        calls = [call.signature for call in self.models] + ([self.transform] if self.transform else [])
        if any(call.takes == "examples" for call in calls):
            return available
        needed = {self.label, *self.slices, *(name for call in calls for name in call.inputs)}
        needed |= {self.weight} if self.weight else set()
        return tuple(name for name in available if name in needed)


class Score(beam.DoFn):
    """Row groups to `Scored` batches."""

    def __init__(self, plan: ScorePlan, read: ReadOptions) -> None:
        self._plan, self._read = plan, read

    def setup(self) -> None:
        """Load the models, once for each worker."""
        storage = self._read.storage_options
        self._models = {call.name: loaded(call, storage) for call in self._plan.models}

    def process(self, item: RowGroup) -> Iterator[Scored]:
        """Read and predict one row group.

        Raises:
            LabelValueError: Labels are missing, are text, or lie outside 0 to 1 for a binary metric.
            NonFinitePredictionError: A model predicts NaN or an infinity.
        """
        where = f"{item.uri}, row group {item.index}"
        try:
            for rows in read_row_group(item, self._read):
                batch = self._score(rows, where)
                if batch.rows:
                    yield batch
        except PipelineError as error:
            error._tagged_with_step = True  # type: ignore[attr-defined]
            raise

    def _score(self, rows: pa.RecordBatch, where: str) -> Scored:
        plan = self._plan
        if plan.transform is None:
            rows, labels = self._labelled(rows, where)
        else:
            given = _call(self._models[plan.models[0].name], plan.transform, rows, plan.label)
            labels = _labels(pa.array(given.reshape(len(rows))), plan, where)
        predictions = {
            call.name: _finite(
                _call(self._models[call.name], call.signature, rows, call.output), call.name, where
            )
            for call in plan.models
        }
        weights = _column(rows, plan.weight).cast(pa.float32()) if plan.weight else None
        features: Mapping[str, Encoded] = {name: encode(_column(rows, name)) for name in plan.slices}
        return Scored(
            labels=labels,
            weights=None if weights is None else weights.fill_null(0.0).to_numpy(zero_copy_only=False),
            predictions=predictions,
            features=features,
        )

    def _labelled(self, rows: pa.RecordBatch, where: str) -> tuple[pa.RecordBatch, npt.NDArray[Any]]:
        column = _column(rows, self._plan.label)
        if column.null_count and self._plan.drop_unlabelled:
            rows = rows.filter(pc.is_valid(column))
            column = _column(rows, self._plan.label)
        return rows, _labels(column, self._plan, where)


def _labels(column: pa.Array, plan: ScorePlan, where: str) -> npt.NDArray[Any]:
    if column.null_count:
        raise LabelValueError(
            f"{column.null_count} of {len(column)} rows have no label",
            column=plan.label,
            at=where,
            fix="drop them before ingest, or give drop_unlabelled=True",
        )
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise LabelValueError(
            f"label {plan.label!r} is {kind}, not a number",
            at=where,
            fix="make it a number in preprocessing_fn and give that transformed feature as label",
        )
    column = column.cast(pa.float32() if pa.types.is_floating(kind) else pa.int64())
    labels = column.to_numpy(zero_copy_only=False)
    if not np.isfinite(labels).all():
        raise LabelValueError(
            f"label {plan.label!r} is not finite", at=where, fix="drop these rows before ingest"
        )
    if plan.binary and len(labels) and not (0 <= labels.min() <= labels.max() <= 1):
        raise LabelValueError(
            f"label {plan.label!r} of a binary metric lies outside 0 to 1",
            got=f"{labels.min()} to {labels.max()}",
            at=where,
            fix="use regression or multi-class metrics, or another label",
        )
    return np.asarray(labels)


def _call(model: Any, signature: Signature, rows: pa.RecordBatch, output: str) -> Any:
    """One output of a model for all rows, shape (rows,) or (rows, width), in calls of bounded size."""
    function = model.signatures[signature.name]
    parts = []
    for start in range(0, len(rows), ROWS_PER_CALL):
        some = rows.slice(start, ROWS_PER_CALL)
        given = function(**model_inputs(signature, some))[output]
        if isinstance(given, tf.SparseTensor):
            given = tf.sparse.to_dense(given)
        parts.append(np.asarray(given))
        if len(parts[-1]) != len(some):
            raise UnusableModelError(
                f"signature {signature.name!r} gave {len(parts[-1])} predictions for {len(some)} rows",
                fix="export a signature whose output has one row for each input row",
            )
    values: Any = np.concatenate(parts) if parts else np.empty(0, np.float32)
    return values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values


def model_inputs(signature: Signature, rows: pa.RecordBatch) -> dict[str, tf.Tensor]:
    """The tensors that a signature takes, from raw columns.

    A missing value is NaN or an empty text, as the signatures that `train` exports expect.
    """
    if signature.takes == "examples":
        encoded = RecordBatchToExamplesEncoder().encode(list_columns(rows))
        return {next(iter(signature.inputs)): tf.constant(encoded)}
    return {name: _tensor(name, _column(rows, name), dtype) for name, dtype in signature.inputs.items()}


def _tensor(name: str, column: pa.Array, dtype: tf.DType) -> tf.Tensor:
    width = 1
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column, width = _padded(column)
    if dtype == tf.string:
        text = column if pa.types.is_binary(column.type) else column.cast(pa.string())
        values = text.fill_null(b"" if text is column else "").to_numpy(zero_copy_only=False)
    elif dtype.is_floating:
        values = column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    elif column.null_count:
        raise UnusableModelError(
            f"the model takes whole numbers in {name!r}, and some rows have none",
            missing=f"{column.null_count} of {len(column)} rows",
            fix=f"let the schema say that {name!r} may be missing, and export the model again",
        )
    else:
        values = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return tf.constant(values.reshape(-1, width), dtype)


def _padded(column: pa.Array) -> tuple[pa.Array, int]:
    """Rows of values as one array of equally long rows, with nulls after the shorter ones, and the length."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    width = max(int(lengths.max(initial=0)), 1)
    place = np.full((len(column), width), -1, np.int64)
    place[np.arange(width) < lengths[:, np.newaxis]] = np.arange(lengths.sum())
    flat = place.reshape(-1)
    return column.flatten().take(pa.array(flat, mask=flat < 0)), width


def _column(rows: pa.RecordBatch, name: str | None) -> pa.Array:
    return rows.column(rows.schema.get_field_index(name))


def _finite(predictions: npt.NDArray[Any], model: str, where: str) -> npt.NDArray[Any]:
    bad = ~np.isfinite(predictions)
    if bad.any():
        rows = int(bad.reshape(len(predictions), -1).any(axis=1).sum())
        raise NonFinitePredictionError(
            f"{model} predicts NaN or an infinity for {rows} of {len(predictions)} rows",
            at=where,
            fix="look for a diverged loss in training, or for missing values that the model does not expect",
        )
    return predictions


def loaded(call: ModelCall, storage_options: Mapping[str, Any]) -> Any:
    """The model from the driver's disk, if this worker sees it, else from a passing copy of its uri."""
    if Path(call.directory).exists():
        return tf.saved_model.load(call.directory)
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        files, path = open_filesystem(call.uri, storage_options)
        files.get(path, f"{folder}/model", recursive=True)
        return tf.saved_model.load(f"{folder}/model")
