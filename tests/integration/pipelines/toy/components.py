"""Components that count, add and misbehave on request."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline_lib import Artifact, Secret, component, later


class Number(Artifact):
    """A number, as a file and as a property."""

    value: int
    span: int = 0


class Parts(NamedTuple):
    """Several numbers and perhaps a rest."""

    numbers: list[Number]
    rest: Number | None


class Note(Artifact):
    """Text of which only the length is a property."""

    length: int = later()


def _number(value: int, span: int = 0) -> Number:
    made = Number.new(value=value, span=span)
    (made.path / "number.txt").write_text(str(value))
    return made


def _read_digest(parameters: dict[str, object]) -> dict[str, object]:
    """The driver of `read`: outside data enters the cache key by content."""
    return {"text": Path(str(parameters["source"])).read_text()}


@component(driver=_read_digest, cache=True)
def read(*, source: str, span: int = 0, text: str = "") -> Number:
    """A number from a text file; blanks around it do not count."""
    print(f"reading {source}")
    return _number(int(text.strip()), span)


@component
def add(a: Number, b: Number | None = None, *, plus: int = 0) -> Number:
    """a + b + plus, of the files."""
    total = int((a.path / "number.txt").read_text()) + plus
    if b is not None:
        total += int((b.path / "number.txt").read_text())
    return _number(total)


@component
def total(numbers: Sequence[Number]) -> Number:
    """The sum."""
    return _number(sum(int((n.path / "number.txt").read_text()) for n in numbers))


@component
def split(number: Number, *, into: int) -> Parts:
    """As many equal numbers, and the rest if there is one."""
    each, rest = divmod(number.value, into)
    return Parts([_number(each) for _ in range(into)], _number(rest) if rest else None)


@component(retries=2)
def flaky(number: Number, *, marker: str, failures: int) -> Number:
    """Fails the first `failures` times, counting in a file."""
    counter = Path(marker)
    tries = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(tries))
    if tries <= failures:
        raise ConnectionError(f"try {tries} of {failures + 1}")
    return _number(number.value)


@component
def pages(number: Number, *, count: int = 12) -> Number:
    """The number in many files: a kill finds some of them written."""
    made = _number(number.value)
    for page in range(count):
        (made.path / f"page-{page:02d}.txt").write_text(f"{number.value}\n" * 10_000)
    return made


@component
def note(number: Number, *, text: str) -> None:
    """Writes down that it ran; puts out nothing."""
    del number
    print(text)


@component
def login(*, password: Secret) -> Number:
    """Knows the secret, puts out only its length."""
    print(f"password: {password}")
    return _number(len(password.reveal()))


@component
def work(number: Number, *, marker: str, seconds: float = 0.0) -> Number:
    """Takes its time; writes a line outside for each time it is executed."""
    with Path(marker).open("a") as lines:
        lines.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return _number(number.value)


@component
def lock(number: Number) -> Number:
    """An output that nobody may write to, directories and all."""
    made = _number(number.value)
    inner = made.path / "inner"
    inner.mkdir()
    (inner / "more.txt").write_text("1")
    for directory in (inner, made.path):
        directory.chmod(0o555)
    return made


@component
def tell(*, marker: str) -> None:
    """Leaves a mark outside, to show that it ran."""
    Path(marker).write_text("told")


@component
def misbehave(number: Number, *, how: str) -> Number:
    """Everything a body can do wrong."""
    if how == "raise":
        raise ValueError("a body that raises")
    if how == "unset":
        made = Note.new()
        raise SystemExit(f"{made.length}")
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        time.sleep(120)
    if how == "wrong-type":
        return Note.new()  # type: ignore[return-value]
    if how == "input":
        return number
    if how == "link":
        made = _number(1)
        (made.path / "link").symlink_to("/etc/hostname")
        return made
    return _number(number.value)
