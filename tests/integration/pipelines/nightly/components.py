"""Components over files named by day."""

from datetime import date
from pathlib import Path

from toy.components import Number

from pipeline_lib import component
from pipeline_lib.errors import DataMissingError


def _file_of_day(parameters: dict[str, object]) -> dict[str, object]:
    """The driver of `arrive`: asks to be called again while the day's file is missing."""
    file = Path(str(parameters["folder"])) / f"{parameters['day']}.txt"
    if not file.exists():
        raise DataMissingError(
            f"{file.name} is not there",
            at=str(file.parent),
            fix="deliver it",
            wait_seconds=float(str(parameters["wait_seconds"])),
            poll_seconds=0.5,
            awaits=(str(file.resolve()),),
        )
    return {"text": file.read_text()}


@component(driver=_file_of_day)
def arrive(*, folder: str, day: date, wait_seconds: float, text: str = "") -> Number:
    """The number in the day's file."""
    made = Number.new(value=int(text), span=int(f"{day:%Y%m%d}"))
    (made.path / "number.txt").write_text(text)
    return made


@component
def remark(*, day: date) -> None:
    """Says which day it is of."""
    print(day)


@component(output="odd")
def odd_only(number: Number) -> Number | None:
    """The number, if it is odd."""
    if number.value % 2 == 0:
        return None
    made = Number.new(value=number.value, span=number.span)
    (made.path / "number.txt").write_text(str(number.value))
    return made
