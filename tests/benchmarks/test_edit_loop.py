"""Change one line of model.py, run again with a warm host: what is on top of training and evaluation."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measuring import Comparison, Report
from benchmarks.workplace import ROOT, Workplace

DAY = "2013-06-02"
DATA = {name: f"data/{name}/{{YYYY}}-{{MM}}-{{DD}}.csv" for name in ("flights", "weather")}


@pytest.fixture(scope="module")
def edited(scratch: Path) -> Iterator[Workplace]:
    """A copy of the flight-delay pipeline with two days of flights, that has run once."""
    folder = scratch / "edit"
    shutil.copytree(ROOT / "dags/flight_delays", folder / "dags/flight_delays")
    place = Workplace(folder=folder, hosts=scratch / "eh", dags=folder / "dags").prepare()
    deliver = (
        "from datetime import date; from pathlib import Path; from flight_delays.data import write_days\n"
    )
    deliver += "write_days(Path('data'), [date(2013, 6, 1), date(2013, 6, 2)])"
    subprocess.run(
        [sys.executable, "-c", deliver], cwd=folder, env={"PYTHONPATH": str(folder / "dags")}, check=True
    )
    place.run("flight-delays", "--to", "join_weather", day="2013-06-01", **DATA)
    place.run("flight-delays", "--to", "evaluate", day=DAY, **DATA)
    yield place
    place.stop_hosts()


def test_edit_loop(edited: Workplace, quick: bool, report: Report) -> None:
    model = edited.folder / "dags/flight_delays/model.py"
    whole, bodies = [], []
    for number in range(1 if quick else 4):
        text = model.read_text()
        assert "_HOUR_BUCKETS = 24" in text or number
        model.write_text(text.replace(f"_HOUR_BUCKETS = {24 + number}", f"_HOUR_BUCKETS = {25 + number}"))
        run = edited.run("flight-delays", "--to", "evaluate", day=DAY, **DATA)
        executed = {node["node"] for node in run.answer["nodes"] if node["outcome"] == "complete"}
        assert executed == {"train", "evaluate"}
        whole.append(run.seconds)
        bodies.append(sum(edited.body_seconds(run.answer, node) for node in ("train", "evaluate")))
    over = [one - body for one, body in zip(whole, bodies, strict=True)]
    chapter = "The edit loop: one line of model.py changed, run to `evaluate`, warm host"
    report.add(
        chapter, Comparison(what="whole run", beside="bodies of train and evaluate", ours=whole, other=bodies)
    )
    report.add(
        chapter,
        Comparison(what="on top of the bodies", beside="one second", ours=over, other=[1.0], at_most=1.0),
    )
