"""Pipelines that ask, wait, and start each other."""

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import Field
from toy.components import add, note, read

from nightly.components import arrive, odd_only, remark
from pipeline_lib import Approval, OnArtifact, pipeline, when


@pipeline(name="gated")
def gated(source: str, limit: int = 0) -> None:
    """Two nodes behind an approval, one beside it."""
    number = read(source=source)
    with when(number.value > limit):
        published = add.options(id="publish", approval=Approval(message="Is it good?"))(number)
        add.options(id="after_publish")(published)
    note.options(id="beside")(number, text="beside")


@pipeline(name="strict")
def strict(source: str) -> None:
    """A refusal, or no answer within a second, is a failure."""
    number = read(source=source)
    rule = Approval(timeout=timedelta(seconds=1), on_reject="fail", on_timeout="fail", approvers=("admin",))
    add.options(id="publish", approval=rule)(number)


@pipeline(name="hasty")
def hasty(source: str) -> None:
    """No answer within a second is a refusal."""
    number = read(source=source)
    add.options(id="publish", approval=Approval(timeout=timedelta(seconds=1)))(number)


@pipeline(name="arriving", schedule="0 3 * * *")
def arriving(day: date, folder: str = "arrivals", wait_seconds: float = 900.0) -> None:
    """Waits for the day's number, and passes it on if it is odd."""
    odd_only(arrive(folder=folder, day=day, wait_seconds=wait_seconds))


@pipeline(name="following", schedule=OnArtifact(arriving, "arrive", "number"))
def following(day: date) -> None:
    """Runs for each day that has arrived."""
    remark(day=day)


@pipeline(name="odd-following", schedule=OnArtifact("arriving", "odd_only", "odd"))
def odd_following(day: date) -> None:
    """Runs for each odd day."""
    remark(day=day)


@pipeline(name="daily", schedule="0 3 * * *")
def daily(day: date) -> None:
    """Runs every day."""
    remark(day=day)


@pipeline(name="timed", span=None)
def timed(at: datetime, share: Annotated[float, Field(ge=0, le=1)] = 0.5) -> None:
    """Takes a moment and a share."""
    remark.options(id="moment")(day=date(2026, 1, 1))
