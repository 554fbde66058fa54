"""How rows are dealt out to splits."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline_components.errors import SplitError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def in_order(names: Iterable[str]) -> list[str]:
    """The order of splits everywhere: `train` first, then by name.

    JSON does not keep the order of a mapping, so the order written by the user cannot count.
    """
    return sorted(names, key=lambda name: (name != "train", name))


def require_split_names(names: Iterable[str]) -> None:
    """Check that each name can be a folder `Split-<name>`.

    Raises:
        SplitError: A name holds more than letters, digits, `_` and `-`.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise SplitError(
                f"{name!r} cannot be a split's name",
                needs="a letter or digit, then letters, digits, _ or -",
                fix="rename the split",
            )


def _two_to_one() -> dict[str, int]:
    return {"train": 2, "eval": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class HashSplit:
    """Every row goes to a split by a hash: the same row always to the same split, in every run.

    Attributes:
        buckets: Share of each split; `{"train": 2, "eval": 1}` gives two thirds and one third.
        key: Column whose value decides, so that rows of one key stay together; None: the whole row.
            A missing key counts as one more value. 1 and 1.0 are the same key.

    Raises:
        SplitError: No bucket, a share below 1, or a name that cannot be a split's.
    """

    buckets: dict[str, int] = field(default_factory=_two_to_one)
    key: str | None = None

    def __post_init__(self) -> None:
        require_split_names(self.buckets)
        if not self.buckets or min(self.buckets.values()) < 1:
            raise SplitError(
                "every split needs a share of at least 1",
                got=dict(self.buckets),
                fix='write HashSplit(buckets={"train": 2, "eval": 1})',
            )

    def names(self) -> list[str]:
        """The splits, in the order in which the range of hashes is dealt out."""
        return in_order(self.buckets)
