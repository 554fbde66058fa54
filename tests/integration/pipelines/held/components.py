"""One component that waits, and one that adds."""

import logging
import os
import sys
import time
from pathlib import Path

from pipeline_lib import Artifact, component

LONGEST_SECONDS = 120.0


class Count(Artifact):
    """A number."""

    value: int


class Seen(Artifact):
    """What a body finds around it."""

    airflow: list[str]
    imports: list[str]


@component
def first(*, start: int) -> Count:
    """The number itself."""
    return Count.new(value=start)


@component(cache=False, retries=1)
def hold(count: Count, *, gate: str) -> Count:
    """Adds one, once the gate is there."""
    logging.getLogger("held").warning("waiting", extra={"gate": Path(gate).name, "pid": os.getpid()})
    print("a printed line")
    deadline = time.monotonic() + LONGEST_SECONDS
    while not Path(gate).exists():
        if time.monotonic() > deadline:
            raise TimeoutError("nobody opened the gate")
        time.sleep(0.05)
    return Count.new(value=count.value + 1)


@component(cache=False)
def look_around(count: Count) -> Seen:
    """Names of Airflow's settings in the environment, and which heavy modules are there."""
    del count
    heavy = ("airflow", "sqlalchemy", "ml_metadata")
    return Seen.new(
        airflow=sorted(name for name in os.environ if name.startswith("AIRFLOW_")),
        imports=[name for name in heavy if name in sys.modules],
    )
