"""What is made of the facts of growing runs."""

from collections.abc import Mapping

import pytest

from benchmarks.growth import Facts, Sizes, best, grow
from benchmarks.measuring import Report


def told(seconds: Mapping[int, float], megabytes: Mapping[int, float]) -> dict[str, tuple[float, bool]]:
    def run(size: int, one_core: bool) -> Mapping[str, Facts]:
        wall = seconds[size] * (1.0 if one_core else 0.5)
        memory = megabytes.get(size, 100.0) * 1e6
        return {
            "node": {"cpu_seconds": seconds[size], "wall_seconds": wall, "peak_memory_bytes": memory},
        }

    report = Report()
    grow(["node"], 1_000_000, run, report, "Growth", {"node": 0.6}, times=1)
    return {one.what.split(", ")[1]: (one.ratio, one.reached) for one in report.chapters["Growth"]}


def test_the_middle_is_as_far_from_a_tenth_as_from_all() -> None:
    assert Sizes(1_000_000).smallest_first() == (10_000, 100_000, 550_000, 1_000_000)


def test_memory_is_compared_from_where_rows_are_streamed() -> None:
    assert [Sizes(rows).streamed for rows in (15_000_000, 5_000_000, 500_000, 90_000)] == [
        150_000,
        500_000,
        275_000,
        49_500,
    ]


def test_what_does_not_grow_with_the_data_has_no_part_in_the_pace() -> None:
    linear = {size: 60.0 + size / 1e5 for size in Sizes(1_000_000).smallest_first()}
    lines = told(linear, {})
    assert lines["processor time of a million rows more"] == (pytest.approx(1.0), True)
    assert lines["wall time on two cores"] == (pytest.approx(0.5), True)
    assert lines["cores kept busy"] == (pytest.approx(1.0), True)


def test_what_grows_faster_than_the_data_is_told() -> None:
    squared = {size: (size / 1e5) ** 2 for size in Sizes(1_000_000).smallest_first()}
    lines = told(squared, {10_000: 50.0, 1_000_000: 130.0})
    assert lines["processor time of a million rows more"] == (pytest.approx(15.5 / 6.5), False)
    assert lines["peak memory"] == (pytest.approx(1.3), False)


def test_sizes_take_turns() -> None:
    """A slow minute of the machine then meets each of them."""
    sizes: list[tuple[int, bool]] = []

    def run(size: int, one_core: bool) -> Mapping[str, Facts]:
        sizes.append((size, one_core))
        return {"node": {"cpu_seconds": size, "wall_seconds": size, "peak_memory_bytes": size}}

    grow(["node"], 1000, run, Report(), "Growth", {}, times=2)
    turn = [(10, False), (100, False), (550, False), (1000, False), (550, True)]
    assert sizes == turn * 2


def test_of_several_runs_the_quickest_counts_and_the_most_memory() -> None:
    runs = [
        {"node": {"cpu_seconds": 2.0, "wall_seconds": 1.5, "peak_memory_bytes": 7.0}},
        {"node": {"cpu_seconds": 1.0, "wall_seconds": 2.5, "peak_memory_bytes": 9.0}},
    ]
    assert best(runs) == {"node": {"cpu_seconds": 1.0, "wall_seconds": 1.5, "peak_memory_bytes": 9.0}}
