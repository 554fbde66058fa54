"""Requests for every signature of a SavedModel, made of rows of examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from pipeline_components.errors import TrialError
from pipeline_lib import Examples
from pipeline_lib.beam.files import open_parquet, parquet_files

Row = Mapping[str, Any]


class Unfit(Exception):  # noqa: N818 -- a verdict on the model, no error of this step
    """The model is not to be blessed, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to one signature.

    Attributes:
        inputs: Arrays by name, rows first; text as objects.
    """

    signature: str
    inputs: Mapping[str, "np.ndarray[Any, Any]"]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(next(iter(self.inputs.values())))

    def of_row(self, index: int) -> "Request":
        """The same for one row."""
        return Request(
            signature=self.signature,
            inputs={name: array[index : index + 1] for name, array in self.inputs.items()},
        )


def signatures_of(directory: Path) -> dict[str, Any]:
    """SignatureDefs of a SavedModel by name.

    Raises:
        Unfit: There is none, or its file is damaged.
    """
    file = directory / "saved_model.pb"
    if not file.is_file():
        raise Unfit("it has no saved_model.pb")
    try:
        saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    except DecodeError as error:
        raise Unfit("its saved_model.pb is damaged") from error
    graphs = [graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not graphs:
        raise Unfit("it has no graph with the tag `serve`")
    return {name: one for name, one in graphs[0].signature_def.items() if not name.startswith("__")}


def rows_of(examples: Sequence[Examples], split: str | None, count: int) -> list[Row]:
    """The first rows of the newest examples; none without examples.

    Raises:
        TrialError: There is no such split.
    """
    if not examples:
        return []
    newest = max(examples, key=lambda one: (one.span, one.version))
    names = newest.split_names
    if split is not None and split not in names:
        raise TrialError(
            f"the examples have no split {split!r}",
            has=", ".join(names),
            at=newest.uri,
            fix="name one of these as RequestSpec.split_name",
        )
    rows: list[Row] = []
    for file in parquet_files(newest.split_uri(split or names[0])):
        with open_parquet(file) as parquet:
            for batch in parquet.iter_batches(count):
                rows += batch.to_pylist()
                if len(rows) >= count:
                    return rows[:count]
    return rows


def request_for(name: str, signature: Any, rows: Sequence[Row]) -> Request:
    """A request of rows to a signature.

    Raises:
        Unfit: The signature takes what the examples do not have.
    """
    only = next(iter(signature.inputs.values())) if len(signature.inputs) == 1 else None
    if only is not None and only.dtype == tf.string.as_datatype_enum and len(only.tensor_shape.dim) == 1:
        encoded = np.array([_example(row) for row in rows], dtype=object)
        return Request(signature=name, inputs={next(iter(signature.inputs)): encoded})
    unknown = sorted(set(signature.inputs) - set(rows[0]))
    if unknown:
        raise Unfit(f"signature {name!r} takes {', '.join(unknown)}, which the examples do not have")
    types = {column: tf.dtypes.as_dtype(info.dtype) for column, info in signature.inputs.items()}
    whole = [
        row
        for row in rows
        if all(row[column] is not None for column, kind in types.items() if kind.is_integer)
    ]
    if not whole:
        raise Unfit(f"signature {name!r} takes whole numbers where no row of the examples has one")
    return Request(
        signature=name,
        inputs={column: _column(name, column, kind, whole) for column, kind in types.items()},
    )


def _column(signature: str, name: str, kind: Any, rows: Sequence[Row]) -> "np.ndarray[Any, Any]":
    lists = [value if isinstance(value, list) else [value] for value in (row[name] for row in rows)]
    width = max(1, *(len(values) for values in lists))
    missing: Any = b"" if kind == tf.string else float("nan") if kind.is_floating else 0
    padded = [
        [missing if value is None else value for value in [*values, *[None] * (width - len(values))]]
        for values in lists
    ]
    texts = [value for values in padded for value in values if isinstance(value, str)]
    if bool(texts) and kind != tf.string:
        raise Unfit(f"signature {signature!r} takes {kind.name} in {name!r}, and the examples have text")
    if kind == tf.string:
        encoded = [[value.encode() if isinstance(value, str) else value for value in row] for row in padded]
        if any(not isinstance(value, bytes) for row in encoded for value in row):
            raise Unfit(f"signature {signature!r} takes text in {name!r}, and the examples have numbers")
        return np.array(encoded, dtype=object)
    return np.array(padded, dtype=kind.as_numpy_dtype)


def _example(row: Row) -> bytes:
    features = {}
    for name, value in row.items():
        values = [one for one in (value if isinstance(value, list) else [value]) if one is not None]
        if not values:
            continue
        if isinstance(values[0], str | bytes):
            raw = [one.encode() if isinstance(one, str) else one for one in values]
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=raw))
        elif isinstance(values[0], float):
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        else:
            numbers = [int(one) for one in values]
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=numbers))
    made: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return made
