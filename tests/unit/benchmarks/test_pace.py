"""What is made of the readings of one execution."""

from collections.abc import Callable

import pytest

from benchmarks.pace import Reading, within_one_execution


def readings(cpu_seconds: Callable[[float], float]) -> list[Reading]:
    """A body that has written so much more of its 1000 bytes at each."""
    return [
        Reading(cpu_seconds=cpu_seconds(written / 1000), bytes_read=0, bytes_written=500 + written)
        for written in range(0, 1001, 25)
    ]


def test_start_and_end_have_no_part_in_the_pace() -> None:
    def steady(share: float) -> float:
        return 30 * share + 7 * (share > 0.05) + 9 * (share > 0.96)

    line = within_one_execution("node", 15_000_000, [{"node": readings(steady)}], "bytes_written")
    assert line.what == "node, processor time of a million rows, 52.5 to 95 % of 15,000,000"
    assert (line.ours, line.other) == ([pytest.approx(2.0)], [pytest.approx(2.0)])
    assert line.reached


def test_a_body_that_becomes_slower_is_told_in_the_middle_of_its_executions() -> None:
    runs = [{"node": readings(lambda share, power=power: share**power)} for power in (3, 1, 2)]
    line = within_one_execution("node", 1_000_000, runs, "bytes_written")
    assert line.ratio == pytest.approx((0.95**2 - 0.525**2) / (0.525**2 - 0.1**2))
    assert not line.reached
