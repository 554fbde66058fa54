"""Statistics of little data without Beam: building TFDV's graph for one takes longer than the work.

TFDV has its combiners for this case, too, and they give the same statistics: the accumulators are those that
Beam would merge. Which way is taken depends on the data alone, never on the runner.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from tensorflow_data_validation.statistics import stats_impl

from pipeline_lib.beam.sources import ReadOptions, RowGroup, read_row_group

# Two cores describe a million cells in a tenth of a second; a graph on Beam is worth its second from here on.
MOST_CELLS = 10_000_000


def is_small(items: Sequence[RowGroup], columns: int) -> bool:
    """Whether so many cells are described faster here than by a Beam pipeline."""
    return sum(item.rows for item in items) * columns <= MOST_CELLS


def describe(items: Sequence[RowGroup], columns: Sequence[str] | None, options: Any) -> Any:
    """Statistics of the rows of one split, one row group in memory at a time.

    Args:
        items: What to read.
        columns: Those to describe; None: all.
        options: A `tfdv.StatsOptions`.

    Returns:
        A DatasetFeatureStatisticsList.
    """
    generators = stats_impl.get_generators(options, in_memory=True)
    reading = ReadOptions(columns=None if columns is None else tuple(columns))
    parts = (
        stats_impl.generate_partial_statistics_in_memory(batch, options, generators)
        for item in items
        for batch in read_row_group(item, reading)
    )

    def merged(before: list[Any], after: list[Any]) -> list[Any]:
        both = zip(generators, before, after, strict=True)
        return [generator.merge_accumulators([one, other]) for generator, one, other in both]

    nothing = [generator.create_accumulator() for generator in generators]
    return stats_impl.extract_statistics_output(reduce(merged, parts, nothing), generators)
