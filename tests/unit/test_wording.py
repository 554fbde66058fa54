"""How sizes, times and values read."""

import pytest

from pipeline_lib import wording


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.004, "0.00 s"),
        (9.994, "9.99 s"),
        (12.34, "12.3 s"),
        (119.7, "2 min 0 s"),
        (3_599, "59 min 59 s"),
        (3_661, "1 h 1 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (5 * 2**30, "5.0 GiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert wording.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (0.123456, "0.1235"),
        ("x, y", "x, y"),
        (3, "3"),
        (["train", "eval"], "train, eval"),
        ({"a": 1, "b": [1, 2], "c": ["x"]}, "a 1, b (1, 2), c x"),
        ({"delimiter": ",", "key": None, "names": [], "seed": 0}, 'delimiter ",", seed 0'),
        (
            {"splits": {"buckets": {"eval": 1, "train": 3}}, "wait": 5},
            "splits (buckets (eval 1, train 3)), wait 5",
        ),
    ],
)
def test_values(value: object, text: str) -> None:
    assert wording.plain(value) == text


def test_long_lists_are_counted_and_long_texts_kept() -> None:
    assert wording.brief([{"slice": "all rows"}] * 60) == "60 entries"
    assert wording.brief(["train", "eval"]) == "train, eval"
    assert wording.brief("x" * 1000) == "x" * 1000


def test_a_span_that_is_a_day_reads_as_one() -> None:
    assert (wording.span_text(15870), wording.span_text(7)) == ("2013-06-14", "7")
