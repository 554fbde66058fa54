"""Pipelines over the toy components, one for each thing a runner must do."""

from collections.abc import Sequence
from datetime import date

from pipeline_lib import Secret, exit_handler, for_each, latest, pipeline, rolling_window, when
from toy.components import (
    Number,
    add,
    flaky,
    lock,
    login,
    misbehave,
    note,
    pages,
    read,
    split,
    tell,
    total,
    work,
)


@pipeline(name="chain")
def chain(source: str, plus: int = 1) -> None:
    """read -> add -> add."""
    first = read(source=source)
    second = add(first, plus=plus)
    add.options(id="last")(second, first)


@pipeline(name="diamond")
def diamond(source: str, limit: int = 10) -> None:
    """Conditions on an artifact's property."""
    number = read(source=source)
    with when(number.value > limit):
        add.options(id="large")(number, plus=1000)
    with when(number.value <= limit):
        add.options(id="small")(number, plus=1)


@pipeline(name="fan")
def fan(source: str, steps: Sequence[int] = (1, 2, 3)) -> None:
    """One node per value, gathered."""
    number = read(source=source)
    total([add(number, plus=step) for step in for_each(steps)])


@pipeline(name="parts")
def parts(source: str, into: int = 3) -> None:
    """One node per artifact of a list, an output that may be absent."""
    found = split(read(source=source), into=into)
    total.options(id="all")([add(part, plus=1) for part in for_each(found.numbers)])


@pipeline(name="paged")
def paged(source: str) -> None:
    """An artifact of many files."""
    pages(read(source=source))


@pipeline(name="windowed")
def windowed(day: date, source: str, span: int, spans: int = 3) -> None:
    """A window over the history of one node."""
    total(rolling_window(read(source=source, span=span), spans=spans))


@pipeline(name="newest")
def newest(source: str) -> None:
    """The latest artifact of a type, if any."""
    add(read(source=source), latest(Number))


@pipeline(name="shaky")
def shaky(source: str, marker: str, failures: int) -> None:
    """A node that fails a few times."""
    flaky(read(source=source), marker=marker, failures=failures)


@pipeline(name="busy")
def busy(source: str, marker: str, seconds: float = 0.0, plus: int = 1) -> None:
    """A node that takes its time, and one after it."""
    add.options(id="last")(work(read(source=source), marker=marker, seconds=seconds), plus=plus)


@pipeline(name="busy-too")
def busy_too(source: str, marker: str, seconds: float = 0.0) -> None:
    """Another pipeline with the same node."""
    total.options(id="last")([work(read(source=source), marker=marker, seconds=seconds)])


@pipeline(name="locked")
def locked(source: str) -> None:
    """A node whose output is read-only."""
    lock(read(source=source))


@pipeline(name="guarded")
def guarded(password: Secret) -> None:
    """A secret by reference."""
    login(password=password)


@pipeline(name="wicked")
def wicked(source: str, how: str, marker: str) -> None:
    """A node that misbehaves, one after it, one beside it, and an exit handler."""
    number = read(source=source)
    bad = misbehave(number, how=how)
    add.options(id="after_bad")(bad)
    note.options(id="beside")(number, text="still here")
    with exit_handler():
        tell(marker=marker)
