"""The body of `transform`: one TFT analysis, one pass over every row group, Parquet out."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow_hotfix  # noqa: F401  (closes CVE-2023-47248 of the pinned pyarrow)
import tensorflow_transform.beam as tft_beam
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

from pipeline_components.errors import NothingToAnalyseError
from pipeline_components.transform._analysis import CacheFolder, analyse
from pipeline_components.transform._columns import scalar_columns
from pipeline_components.transform._graph import forget_scratch
from pipeline_components.transform._preprocessing import Preprocessing
from pipeline_components.transform._work import Portion, ReadPortion, WriteTransformed, place_field
from pipeline_lib.artifacts import Examples, Schema, TransformCache, TransformGraph
from pipeline_lib.artifacts.workspace import current_workspace
from pipeline_lib.beam.runner import beam_pipeline
from pipeline_lib.beam.shared import worker_directory
from pipeline_lib.beam.sources import row_groups


def run(
    examples: Sequence[Examples],
    schema: Schema,
    analyzer_cache: TransformCache | None,
    *,
    module: str,
    analyse_splits: Sequence[str],
    custom_config: Mapping[str, Any],
    use_analyzer_cache: bool,
) -> tuple[list[Examples], TransformGraph, TransformCache | None]:
    """See `pipeline_components.transform.transform`."""
    raw_schema = text_format.Parse((schema.path / "schema.pbtxt").read_text(), schema_pb2.Schema())
    preprocessing = Preprocessing(module, custom_config)
    outputs = [_output_for(given) for given in examples]
    portions = _portions(examples, outputs, analyse_splits)
    graph = TransformGraph.new()
    cache = TransformCache.new() if use_analyzer_cache else None
    folder = CacheFolder.of(cache, analyzer_cache, examples, analyse_splits) if cache is not None else None
    with preprocessing.telling_the_users_line(), _workers_places(outputs, graph, folder) as places:
        _run_beam(portions, _RawTables.of(raw_schema), preprocessing, places)
    forget_scratch(graph.path / "transform_fn", places.scratch)
    _forget_partial(outputs)
    # User modules ask the graph for raw_feature_spec(): TFT leaves the raw schema to its caller.
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(raw_schema), str(graph.path / "metadata"))
    _fill_empty_splits(outputs)
    return outputs, graph, cache


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where workers write, as uris.

    Attributes:
        outputs: Of each output's splits.
        graph: Of the transform graph.
        scratch: Of TFT's intermediate graphs.
        cache: Of what the analyzers keep.
    """

    outputs: tuple[str, ...]
    graph: str
    scratch: str
    cache: CacheFolder | None


@contextmanager
def _workers_places(
    outputs: Sequence[Examples], graph: TransformGraph, cache: CacheFolder | None
) -> Iterator[_Places]:
    scratch = current_workspace().new_directory("transform-scratch")  # on the disk that outputs go to
    try:
        with ExitStack() as stack:
            made = [stack.enter_context(worker_directory(one.path, may_be_empty=True)) for one in outputs]
            if cache is not None:
                kept = stack.enter_context(worker_directory(cache.path, may_be_empty=True))
                cache = replace(cache, uri=kept)
            yield _Places(
                outputs=tuple(made),
                graph=stack.enter_context(worker_directory(graph.path)),
                scratch=stack.enter_context(worker_directory(scratch, fetch=False)),
                cache=cache,
            )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _RawTables:
    """How raw columns look to TFT.

    Attributes:
        wanted: Arrow schema of the features.
        adapter: How the columns, `PLACE` beside them, become tensors.
        may_be_absent: Columns that a file need not have.
    """

    wanted: pa.Schema
    adapter: TensorAdapterConfig
    may_be_absent: frozenset[str]

    @classmethod
    def of(cls, raw_schema: schema_pb2.Schema) -> "_RawTables":
        given = TFExampleRecord(file_pattern="unused", schema=raw_schema).TensorAdapterConfig()
        adapter = TensorAdapterConfig(
            arrow_schema=given.arrow_schema.append(place_field()),
            tensor_representations=given.tensor_representations,
        )
        optional = {
            feature.name
            for feature in raw_schema.feature
            if feature.presence.min_fraction <= 0 and not feature.HasField("shape")
        }
        return cls(wanted=given.arrow_schema, adapter=adapter, may_be_absent=frozenset(optional))


def _run_beam(
    portions: Sequence[Portion],
    tables: _RawTables,
    preprocessing: Preprocessing,
    places: _Places,
) -> None:
    def read(root: beam.Pipeline, name: str, some: Sequence[Portion]) -> Any:
        reader = ReadPortion(tables.wanted, tables.may_be_absent)
        work = root | f"Portions of {name}" >> beam.Create(list(some), reshuffle=len(some) > 1)
        return work | f"Read {name}" >> beam.ParDo(reader).with_output_types(pa.RecordBatch)

    with (
        beam_pipeline() as root,
        tft_beam.Context(temp_dir=places.scratch, passthrough_keys={place_field().name}),
    ):
        fitted = analyse(root, portions, tables.adapter, preprocessing, read, places.cache)
        rows = read(root, "rows", portions)
        transform = tft_beam.TransformDataset(output_record_batches=True)
        transformed, metadata = ((rows, tables.adapter), fitted) | transform
        targets = [f"{places.outputs[portion.data_set]}/{portion.target}" for portion in portions]
        transformed | "Write" >> beam.ParDo(WriteTransformed(targets, scalar_columns(metadata.schema)))
        fitted | tft_beam.WriteTransformFn(places.graph)


def _output_for(given: Examples) -> Examples:
    made = Examples.new(span=given.span, version=given.version, split_names=given.split_names)
    for split in given.split_names:
        made.split_path(split).mkdir()
    return made


def _portions(
    examples: Sequence[Examples], outputs: Sequence[Examples], analyse_splits: Sequence[str]
) -> list[Portion]:
    """One portion for each row group that has rows; sets `rows` of the outputs.

    Raises:
        NothingToAnalyseError: No portion is to be analysed.
    """
    portions: list[Portion] = []
    for number, (given, made) in enumerate(zip(examples, outputs, strict=True)):
        rows = dict.fromkeys(given.split_names, 0)
        for split in given.split_names:
            for part, group in enumerate(group for group in row_groups(given.split_uri(split)) if group.rows):
                portion = Portion(
                    uri=group.uri,
                    group=group.index,
                    target=f"{made.split_path(split).name}/part-{part:05d}.parquet",
                    place=len(portions),
                    data_set=number,
                    analyse=split in analyse_splits,
                )
                portions.append(portion)
                rows[split] += group.rows
        made.rows = rows
    if not any(portion.analyse for portion in portions):
        raise NothingToAnalyseError(
            "there are no rows to analyse",
            splits=", ".join(analyse_splits),
            given=", ".join(sorted({split for each in examples for split in each.split_names})),
            fix="name splits in analyse_splits that hold rows",
        )
    return portions


def _fill_empty_splits(outputs: Sequence[Examples]) -> None:
    """A split without rows still has a file: readers learn the columns from it."""
    written = next(file for made in outputs for file in sorted(made.path.glob("Split-*/*.parquet")))
    empty = pq.read_schema(written).empty_table()
    for made in outputs:
        for split, rows in made.rows.items():
            if not rows:
                pq.write_table(empty, made.split_path(split) / "part-00000.parquet", compression="zstd")


def _forget_partial(outputs: Sequence[Examples]) -> None:
    """What a worker was writing when it died, and another then wrote."""
    for made in outputs:
        for left in made.path.glob("Split-*/*.partial"):
            left.unlink()
