"""Work in threads: results in order, a bounded number of them, errors in their turn."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from pipeline_components.threads import cores, in_order


@pytest.mark.parametrize("at_once", [1, 2, 4])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_results_come_in_the_order_of_the_pieces(count: int, at_once: int) -> None:
    def slow_at_first(piece: int) -> int:
        time.sleep(0.01 if piece % 3 == 0 else 0)
        return piece

    assert list(in_order(slow_at_first, range(count), at_once=at_once)) == list(range(count))


def test_as_many_work_at_once_as_there_are_threads() -> None:
    together = threading.Barrier(3)  # whoever comes waits for two more
    assert len(list(in_order(lambda _: together.wait(timeout=30), range(9), at_once=3))) == 9


def test_memory_is_bounded_however_slowly_results_are_taken() -> None:
    asked: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    results = in_order(lambda piece: piece, pieces(), at_once=2)
    for taken in range(10):
        assert next(results) == taken
        assert len(asked) == taken + 2


def test_an_error_comes_in_its_turn_and_ends_it_all() -> None:
    done: list[int] = []

    def fails_at_four(piece: int) -> int:
        if piece == 4:
            raise OSError("the disk is gone")
        done.append(piece)
        return piece

    results = in_order(fails_at_four, range(1_000), at_once=2)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)
    assert max(done) < 8
    assert not [one for one in threading.enumerate() if "ThreadPoolExecutor" in one.name]


def test_what_fails_to_give_pieces_is_told() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(in_order(lambda piece: piece, broken(), at_once=2))


def test_a_process_bound_to_one_core_has_one_thread() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert cores() == min(4, len(before))
