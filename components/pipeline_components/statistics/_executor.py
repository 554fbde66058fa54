"""Body of `compute_statistics`: TFDV over Arrow batches, all large splits in one Beam pipeline."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import apache_beam as beam
import tensorflow_data_validation as tfdv

from pipeline_components.errors import MissingColumnError, StatisticsError
from pipeline_components.schema_files import read_schema
from pipeline_components.selection import chosen_splits
from pipeline_components.statistics._report import statistics_page
from pipeline_components.statistics._small import describe, is_small
from pipeline_components.statistics_files import STATISTICS_FILE, read_statistics, sort_features
from pipeline_lib import Examples, ExampleStatistics, Schema
from pipeline_lib.artifacts.remote_store import open_filesystem
from pipeline_lib.beam.files import open_parquet, workspace_storage
from pipeline_lib.beam.runner import beam_pipeline
from pipeline_lib.beam.shared import worker_directory
from pipeline_lib.beam.sources import ReadBatches, RowGroup, row_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsOptions:
    """What to compute.

    Attributes:
        exclude_splits: Splits to leave out.
        features: Columns to describe; empty: all.
        weight: Column with example weights, or None.
        sample_rate: Share of rows looked at, above 0 to 1, or None for all.
        histogram_buckets: Of numeric histograms.
        top_values: Of the list of most frequent values.
    """

    exclude_splits: Sequence[str] = ()
    features: Sequence[str] = ()
    weight: str | None = None
    sample_rate: float | None = None
    histogram_buckets: int = 10
    top_values: int = 20


def write_statistics(
    examples: Examples, schema: Schema | None, options: StatisticsOptions
) -> ExampleStatistics:
    """Compute, write and draw.

    Raises:
        SplitNotFoundError: `exclude_splits` names no split of the examples, or leaves none.
        MissingColumnError: `features` or `weight` names no column.
        StatisticsError: TFDV refuses an option.
    """
    names = chosen_splits(examples.split_names, exclude=options.exclude_splits)
    statistics = ExampleStatistics.new(span=examples.span, split_names=names)
    stats_options = _tfdv_options(options, schema)
    known, columns = _columns(examples, names[0], options)
    small, large = dict[str, list[RowGroup]](), []
    for name in names:
        statistics.split_path(name).mkdir(parents=True, exist_ok=True)
        items = row_groups(examples.split_uri(name))
        if options.sample_rate is None and is_small(items, known):  # only on Beam does TFDV sample
            small[name] = items
        else:
            large.append(name)
    for name, found in describe(small, columns, stats_options).items():
        _write_proto(found, f"{statistics.split_path(name)}/{STATISTICS_FILE}", {})
    if large:
        _describe_on_beam(examples, large, columns, stats_options, statistics)
    described = {name: read_statistics(statistics, name) for name in names}
    (statistics.path / "report.html").write_text(statistics_page(described, span=examples.span))
    return statistics


def _describe_on_beam(
    examples: Examples,
    splits: Sequence[str],
    columns: Sequence[str] | None,
    options: Any,
    made: ExampleStatistics,
) -> None:
    storage = workspace_storage()
    with ExitStack() as stack:
        targets = {name: stack.enter_context(worker_directory(made.split_path(name))) for name in splits}
        with beam_pipeline() as root:
            for name, target in targets.items():
                (
                    root
                    | f"Read {name}" >> ReadBatches(examples.split_uri(name), columns=columns)
                    | f"Describe {name}" >> tfdv.GenerateStatistics(options)
                    | f"Write {name}" >> beam.Map(_write_proto, f"{target}/{STATISTICS_FILE}", storage)
                )


def _write_proto(found: Any, uri: str, storage_options: Mapping[str, Any]) -> None:
    sort_features(found)
    files, path = open_filesystem(uri, storage_options)
    files.makedirs(path.rpartition("/")[0], exist_ok=True)  # on a worker's disk it may not be there
    with files.open(path, "wb") as file:
        file.write(found.SerializeToString(deterministic=True))


def _tfdv_options(options: StatisticsOptions, schema: Schema | None) -> Any:
    try:
        return tfdv.StatsOptions(
            schema=None if schema is None else read_schema(schema),
            weight_feature=options.weight,
            sample_rate=options.sample_rate,
            num_histogram_buckets=options.histogram_buckets,
            num_top_values=options.top_values,
            num_rank_histogram_buckets=max(options.top_values, 1000),
        )
    except (ValueError, TypeError) as error:
        raise StatisticsError(f"TFDV refuses an option: {error}", fix="see StatisticsOptions") from error


def _columns(examples: Examples, split: str, options: StatisticsOptions) -> tuple[int, list[str] | None]:
    """How many columns there are to describe, and their names unless it is all."""
    with open_parquet(row_groups(examples.split_uri(split))[0].uri) as parquet:
        known = parquet.schema_arrow
    wanted = [*options.features, *([options.weight] if options.weight else [])]
    for name in wanted:
        if name not in known.names:
            raise MissingColumnError(
                f"there is no column {name}", known=", ".join(known.names), fix="name one of these"
            )
    if not options.features:
        return len(known.names), None
    chosen = [name for name in known.names if name in wanted]
    return len(chosen), chosen
