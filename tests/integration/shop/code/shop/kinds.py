"""What passes between the components."""

from pipeline_lib import Artifact


class Number(Artifact):
    """A number in a file."""

    value: float


class Page(Artifact):
    """A text in a file."""


def number_of(value):
    made = Number.new(value=float(value))
    (made.path / "number.txt").write_text(f"{float(value)}\n")
    return made
