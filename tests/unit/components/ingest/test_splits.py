"""Shares and names of splits."""

import pytest

from pipeline_components.errors import SplitError
from pipeline_components.ingest.splits import HashSplit, in_order


def test_order_does_not_depend_on_how_it_was_written() -> None:
    assert in_order(["eval", "a", "train"]) == in_order(["train", "eval", "a"]) == ["train", "a", "eval"]


@pytest.mark.parametrize("buckets", [{}, {"train": 0}, {"train": 2, "eval": -1}])
def test_a_share_is_at_least_one(buckets: dict[str, int]) -> None:
    with pytest.raises(SplitError, match="share of at least 1"):
        HashSplit(buckets=buckets)


@pytest.mark.parametrize("name", ["", "a/b", "..", "-a", "ä"])
def test_a_name_can_be_a_folders(name: str) -> None:
    with pytest.raises(SplitError, match="cannot be a split's name"):
        HashSplit(buckets={name: 1})
