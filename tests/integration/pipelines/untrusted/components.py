"""A component that takes a parameter of each kind."""

from collections.abc import Sequence
from datetime import date
from enum import Enum

from pipeline_lib import Artifact, component


class Size(Enum):
    """A choice."""

    SMALL = "small"
    LARGE = "large"


class Count(Artifact):
    """A number in a file."""


@component(output="count")
def count(*, rows: int, share: float, size: Size, tag: str, names: Sequence[str], since: date) -> Count:
    """Write how many rows there are."""
    made = Count.new()
    (made.path / "count.txt").write_text(f"{rows} {share} {size} {tag} {list(names)} {since}")
    return made
