"""first -> hold -> look_around."""

from held.components import first, hold, look_around
from pipeline_lib import pipeline


@pipeline(name="held")
def held(gate: str, start: int = 1) -> None:
    """One node before, one after."""
    look_around(hold(first(start=start), gate=gate))
