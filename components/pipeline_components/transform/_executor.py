"""The body of `transform`: one TFT analysis, one pass over every row group, Parquet out."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

from pipeline_components.errors import NothingToAnalyseError
from pipeline_components.transform._columns import to_list_columns, to_plain_columns
from pipeline_components.transform._preprocessing import Preprocessing
from pipeline_lib.artifacts import Examples, Schema, TransformGraph
from pipeline_lib.artifacts.workspace import current_workspace

# Carried through the graph beside the features: says to which file a transformed batch belongs.
PLACE = "__place__"
_ROW_BITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """One unit of work: a row group to read, and the file that its transformed rows become."""

    file: str
    group: int
    target: str
    place: int
    rows: int
    analyse: bool


def run(
    examples: Sequence[Examples],
    schema: Schema,
    *,
    module: str,
    analyse_splits: Sequence[str],
    custom_config: Mapping[str, Any],
) -> tuple[list[Examples], TransformGraph]:
    """See `pipeline_components.transform.transform`."""
    raw_schema = text_format.Parse((schema.path / "schema.pbtxt").read_text(), schema_pb2.Schema())
    preprocessing = Preprocessing(module, custom_config)
    outputs = [_output_for(given) for given in examples]
    groups = _row_groups(examples, outputs, analyse_splits)
    if not any(group.analyse for group in groups):
        raise NothingToAnalyseError(
            "there are no rows to analyse",
            splits=", ".join(analyse_splits),
            given=", ".join(sorted({split for e in examples for split in e.split_names})),
            fix="name the splits in analyse_splits, or ingest rows into them",
        )
    graph = TransformGraph.new()
    tables = _Tables.of(raw_schema)
    with _scratch() as scratch, _telling_the_users_line(preprocessing):
        _run_beam(groups, tables, preprocessing, graph.path, scratch)
    # User modules ask the graph for raw_feature_spec(): TFT leaves the raw schema to its caller.
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(raw_schema), str(graph.path / "metadata"))
    _fill_empty_splits(outputs, graph)
    return outputs, graph


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """How raw columns look to TFT."""

    wanted: pa.Schema
    adapter: TensorAdapterConfig
    may_be_absent: frozenset[str]

    @classmethod
    def of(cls, raw_schema: schema_pb2.Schema) -> "_Tables":
        tfxio = TFExampleRecord(file_pattern="unused", schema=raw_schema)
        given = tfxio.TensorAdapterConfig()
        adapter = TensorAdapterConfig(
            arrow_schema=given.arrow_schema.append(pa.field(PLACE, pa.large_list(pa.int64()))),
            tensor_representations=given.tensor_representations,
        )
        optional = {f.name for f in raw_schema.feature if f.presence.min_fraction <= 0 and not f.HasField("shape")}
        return cls(wanted=given.arrow_schema, adapter=adapter, may_be_absent=frozenset(optional))


def _run_beam(
    groups: Sequence[RowGroup], tables: _Tables, preprocessing: Preprocessing, graph: Path, scratch: Path
) -> None:
    read = beam.ParDo(ReadRowGroup(tables.wanted, tables.may_be_absent)).with_output_types(pa.RecordBatch)
    space = current_workspace()
    options = beam.options.pipeline_options.PipelineOptions(**space.beam.get("options", {}))
    pipeline = beam.Pipeline(runner=space.beam.get("runner"), options=options)
    with pipeline, tft_beam.Context(temp_dir=str(scratch), passthrough_keys={PLACE}):
        to_analyse = pipeline | "groups to analyse" >> beam.Create([g for g in groups if g.analyse]) | "analysed rows" >> read
        rows = pipeline | "groups" >> beam.Create(list(groups)) | "rows" >> read
        fitted = (to_analyse, tables.adapter) | tft_beam.AnalyzeDataset(preprocessing)
        transformed, metadata = ((rows, tables.adapter), fitted) | tft_beam.TransformDataset(output_record_batches=True)
        targets = [group.target for group in groups]
        transformed | "write" >> beam.ParDo(WriteTransformed(targets, scalar_columns(metadata.schema)))
        fitted | tft_beam.WriteTransformFn(str(graph))


class ReadRowGroup(beam.DoFn):
    """From a `RowGroup` to a record batch of list columns."""

    def __init__(self, wanted: pa.Schema, may_be_absent: frozenset[str]) -> None:
        self._wanted, self._may_be_absent = wanted, may_be_absent

    def process(self, element: RowGroup) -> Iterator[pa.RecordBatch]:
        file = pq.ParquetFile(element.file)
        present = set(file.schema_arrow.names)
        columns = [field.name for field in self._wanted if field.name in present]
        table = file.read_row_group(element.group, columns=columns)
        batch = to_list_columns(table, self._wanted, may_be_absent=self._may_be_absent, at=element.file)
        places = np.arange(batch.num_rows, dtype=np.int64) + (element.place << _ROW_BITS)
        offsets = pa.array(np.arange(batch.num_rows + 1, dtype=np.int64))
        column = pa.LargeListArray.from_arrays(offsets, pa.array(places))
        schema = self._wanted.append(pa.field(PLACE, column.type))
        yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=schema)


class WriteTransformed(beam.DoFn):
    """Writes each transformed batch to the file its place says; a repeat writes the same bytes again."""

    def __init__(self, targets: Sequence[str], scalars: Mapping[str, bool]) -> None:
        self._targets, self._scalars = list(targets), dict(scalars)

    def process(self, element: tuple[pa.RecordBatch, Mapping[str, pa.Array]]) -> None:
        batch, beside = element
        index = batch.schema.get_field_index(PLACE)
        places = batch.column(index) if index >= 0 else beside[PLACE]
        first = places.values[0].as_py()
        target, row = Path(self._targets[first >> _ROW_BITS]), first & ((1 << _ROW_BITS) - 1)
        if row:
            target = target.with_stem(f"{target.stem}-{row:08d}")
        table = to_plain_columns(batch, self._scalars)
        partial = target.with_suffix(".partial")
        pq.write_table(table, partial, compression="zstd")
        partial.replace(target)


def scalar_columns(transformed_schema: schema_pb2.Schema) -> dict[str, bool]:
    """For each column of transformed data, whether each row has exactly one value."""
    spec = tft.tf_metadata.schema_utils.schema_as_feature_spec(transformed_schema).feature_spec
    scalars: dict[str, bool] = {}
    for name, kind in spec.items():
        if isinstance(kind, tf.io.FixedLenFeature):
            scalars[name] = all(size == 1 for size in kind.shape)
        elif isinstance(kind, tf.io.VarLenFeature):
            scalars[name] = False
        else:
            raise NotImplementedError(name)
    return scalars


def _output_for(given: Examples) -> Examples:
    made = Examples.new(span=given.span, version=given.version, split_names=given.split_names)
    for split in given.split_names:
        made.split_path(split).mkdir()
    return made


def _row_groups(
    examples: Sequence[Examples], outputs: Sequence[Examples], analyse_splits: Sequence[str]
) -> list[RowGroup]:
    groups: list[RowGroup] = []
    for given, made in zip(examples, outputs, strict=True):
        rows: dict[str, int] = {}
        for split in given.split_names:
            part = 0
            rows[split] = 0
            for file in sorted(given.split_path(split).glob("*.parquet")):
                metadata = pq.read_metadata(file)
                for index in range(metadata.num_row_groups):
                    count = metadata.row_group(index).num_rows
                    if not count:
                        continue
                    target = made.split_path(split) / f"part-{part:05d}.parquet"
                    groups.append(
                        RowGroup(
                            file=str(file),
                            group=index,
                            target=str(target),
                            place=len(groups),
                            rows=count,
                            analyse=split in analyse_splits,
                        )
                    )
                    part += 1
                    rows[split] += count
        made.rows = rows
    return groups


def _fill_empty_splits(outputs: Sequence[Examples], graph: TransformGraph) -> None:
    """A split without rows still has a file: readers learn the columns from it."""
    del graph
    written = [file for made in outputs for file in made.path.glob("Split-*/*.parquet")]
    empty = pq.read_schema(written[0]).empty_table()
    for made in outputs:
        for split, rows in made.rows.items():
            if not rows:
                pq.write_table(empty, made.split_path(split) / "part-00000.parquet", compression="zstd")


@contextmanager
def _scratch() -> Iterator[Path]:
    """A directory for TFT's intermediate graphs, on the disk that outputs go to."""
    folder = current_workspace().new_directory("transform-scratch")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _telling_the_users_line(preprocessing: Preprocessing) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if preprocessing.failure is not None and error is not preprocessing.failure:
            raise preprocessing.failure from error
        raise
