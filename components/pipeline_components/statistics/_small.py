"""Statistics without Beam, of all that one machine describes in half a minute.

TFDV's graph on Beam takes seconds to build and keeps one core busy; its kernels let go of the interpreter,
so threads keep two busy. TFDV has its combiners for this case, too, and they give the same statistics: the
accumulators are those that Beam would merge. Which way is taken depends on the data alone, never on the
runner.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tensorflow_data_validation.statistics import stats_impl

from pipeline_components.threads import in_order
from pipeline_lib.beam.sources import ReadOptions, RowGroup, read_row_group

# Two cores describe ten million cells in less than a second. Workers of other machines pay from here on.
MOST_CELLS = 300_000_000


def is_small(items: Sequence[RowGroup], columns: int) -> bool:
    """Whether so many cells are described faster here than by a job on Beam."""
    return sum(item.rows for item in items) * columns <= MOST_CELLS


def describe(
    splits: Mapping[str, Sequence[RowGroup]], columns: Sequence[str] | None, options: Any
) -> dict[str, Any]:
    """Statistics of the rows of some splits, a row group in memory for each core.

    Args:
        splits: What to read, by split.
        columns: Those to describe; None: all.
        options: A `tfdv.StatsOptions`.

    Returns:
        A DatasetFeatureStatisticsList for each split.
    """
    generators = stats_impl.get_generators(options, in_memory=True)
    reading = ReadOptions(columns=None if columns is None else tuple(columns))

    def counted(piece: tuple[str, RowGroup]) -> tuple[str, list[list[Any]]]:
        batches = read_row_group(piece[1], reading)
        found = [
            stats_impl.generate_partial_statistics_in_memory(batch, options, generators) for batch in batches
        ]
        return piece[0], found

    sums = {name: [generator.create_accumulator() for generator in generators] for name in splits}
    pieces = [(name, item) for name, items in splits.items() for item in items]
    for name, found in in_order(counted, pieces):
        for part in found:
            both = zip(generators, sums[name], part, strict=True)
            sums[name] = [generator.merge_accumulators([one, other]) for generator, one, other in both]
    return {name: stats_impl.extract_statistics_output(total, generators) for name, total in sums.items()}
