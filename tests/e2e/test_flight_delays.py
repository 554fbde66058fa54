"""The sample pipeline by the command line, on real flights, in an empty folder: what a stranger does."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import DAYS, NIGHT, Project, output

pytestmark = pytest.mark.xdist_group("flights")

TYPICAL = {
    "origin": "EWR",
    "carrier": "UA",
    "dest": "ORD",
    "month": 6,
    "hour": 12,
    "weekday": 4,
    "minute": 30,
    "distance": 719,
    "sched_dep_time": 1230,
    "sched_arr_time": 1410,
    "temp": 70.0,
    "humid": 60.0,
    "wind_dir": 200.0,
    "wind_speed": 9.0,
    "precip": 0.0,
    "pressure": 1015.0,
    "visib": 10.0,
}
"""A flight like many."""

HEAVY = ("tensorflow", "apache_beam", "pyarrow", "numpy", "pandas", "airflow")


def _outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {node["node"]: node["outcome"] for node in result["nodes"]}


def test_a_night_ends_in_a_pushed_model(project: Project, first_night: dict[str, Any]) -> None:
    assert set(_outcomes(first_night).values()) == {"complete", "resolved"}
    blessing = output(first_night, "evaluate", "blessing")
    assert (blessing["properties"]["blessed"], blessing["properties"]["outcome"]) == (True, "blessed")
    pushed = output(first_night, "push", "pushed_model")
    served = Path(pushed["properties"]["pushed_destination"])
    assert served.parent == project.folder / ".pipeline/serving/flight-delays"
    assert (served / "saved_model.pb").exists()


def test_the_window_holds_every_day_so_far(first_night: dict[str, Any]) -> None:
    (window,) = [node for node in first_night["nodes"] if node["node"] == "rolling_window"]
    spans = [artifact["properties"]["span"] for artifact in window["outputs"]["result"]]
    assert spans == [(day - date(1970, 1, 1)).days for day in DAYS[:3]]


def test_the_same_night_again_comes_from_the_cache(project: Project, first_night: dict[str, Any]) -> None:
    again = project.run(NIGHT)
    executed = {node for node, outcome in _outcomes(again).items() if outcome == "complete"}
    assert executed == {"push"}  # never cached: it looks at the serving directory itself
    version = ("push", "pushed_model")
    assert (
        output(again, *version)["properties"]["pushed_version"]
        == output(first_night, *version)["properties"]["pushed_version"]
    )


def test_a_cached_run_imports_nothing_heavy(project: Project, first_night: dict[str, Any]) -> None:
    told = project.python(
        "import sys\n"
        "from pipeline_lib.cli import app\n"
        f"app(['run', 'flight-delays', '-p', 'day={NIGHT}', '-p', 'train_steps=150', '--json'],"
        " standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    assert told.splitlines()[-1] == "[]"


def test_the_next_night_is_compared_with_the_blessed_model(
    first_night: dict[str, Any], next_night: dict[str, Any]
) -> None:
    model = output(first_night, "train", "model")
    blessing = output(next_night, "evaluate", "blessing")
    assert blessing["properties"]["baseline_model_id"] == model["id"]
    assert _outcomes(next_night)["import_schema"] == "cached"


def test_the_plan_says_what_an_edit_costs(project: Project, first_night: dict[str, Any]) -> None:
    model = project.folder / "dags/flight_delays/model.py"
    before = model.read_text()
    try:
        model.write_text(before.replace('"units", 64', '"units", 48'))
        plan = project.json("plan", "flight-delays", "-p", f"day={NIGHT}", "-p", "train_steps=150")
    finally:
        model.write_text(before)
    verdicts = {forecast["key"]: forecast["verdict"] for forecast in plan}
    assert [node for node, verdict in verdicts.items() if verdict == "miss"] == ["train"]
    assert [f["reason"] for f in plan if f["key"] == "train"] == ["model.py changed"]
    assert verdicts["transform"] == "hit"
    assert verdicts["evaluate"] == "pending"


def test_the_served_model_answers_raw_columns(project: Project, first_night: dict[str, Any]) -> None:
    served = output(first_night, "push", "pushed_model")["properties"]["pushed_destination"]
    answer = project.python(
        "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\n"
        "import tensorflow as tf\n"
        f"model = tf.saved_model.load({served!r})\n"
        "columns = model.signatures['columns']\n"
        "spec = columns.structured_input_signature[1]\n"
        f"row = {TYPICAL!r}\n"
        "row = {n: tf.cast(tf.constant([[row[n]]]), s.dtype) if s.dtype != tf.string\n"
        "       else tf.constant([[row[n]]]) for n, s in spec.items()}\n"
        "(value,) = columns(**row).values()\n"
        "print(float(value[0, 0]))\n"
    )
    assert 0.0 < float(answer.splitlines()[-1]) < 1.0


def test_every_execution_is_recorded_with_its_surroundings(
    project: Project, first_night: dict[str, Any]
) -> None:
    shown = project.json("show", first_night["run_id"])
    (train,) = [e for e in shown["executions"] if e["key"]["node"] == "train"]
    assert train["state"] == "COMPLETE"
    assert {"wall_seconds", "cpu_seconds", "peak_memory_bytes", "git_commit", "environment_digest"} <= set(
        train["facts"]
    )
    assert [a["type_name"] for a in train["inputs"]["transform_graph"]] == ["TransformGraph"]
    assert project.pipeline("doctor").strip() == "nothing to mend"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["run", "flight-delay", "-p", "day=2013-06-14"], "did you mean flight-delays", id="name"
        ),
        pytest.param(["run", "flight-delays", "-p", "dya=2013-06-14"], "did you mean day", id="parameter"),
        pytest.param(["run", "flight-delays", "-p", "day=14.6.2013"], "a date, YYYY-MM-DD", id="value"),
        pytest.param(["run", "flight-delays"], "needs day", id="missing"),
        pytest.param(
            ["run", "flight-delays", "-p", "day=2013-06-14", "--to", "trian"], "did you mean train", id="node"
        ),
        pytest.param(["show", "nothing"], "there is no run nothing", id="run-id"),
    ],
)
def test_a_typo_is_explained(project: Project, arguments: list[str], message: str) -> None:
    assert message in project.pipeline(*arguments, code=2)


def test_a_night_without_data_fails_and_says_which_days_there_are(project: Project) -> None:
    result = project.run(date(2013, 7, 1), code=1)
    outcomes = _outcomes(result)
    assert outcomes["ingest_flights"] == "failed"
    assert outcomes["push"] == "blocked"
    (failed,) = [node for node in result["nodes"] if node["node"] == "ingest_flights"]
    assert "2013-07-01" in failed["error"]["summary"]
    assert "2013-06-15" in json.dumps(failed["error"])


def test_a_broken_csv_stops_the_night_before_anything_is_published(project: Project) -> None:
    day = date(2013, 6, 16)
    for kind in ("flights", "weather"):
        good = project.folder / f".pipeline/data/{kind}/{DAYS[3]}.csv"
        shutil.copy(good, good.with_name(f"{day}.csv"))
    flights = project.folder / f".pipeline/data/flights/{day}.csv"
    lines = flights.read_text().splitlines()
    lines[100] += ",one cell too many"
    flights.write_text("\n".join(lines))
    result = project.run(day, code=1)
    (failed,) = [node for node in result["nodes"] if node["node"] == "ingest_flights"]
    assert ":101" in failed["error"]["at"]
    assert not [
        artifact
        for artifact in project.json("artifacts", "Examples", "--node", "ingest_flights")
        if artifact["run_id"] == result["run_id"]
    ]
    mended = lines[100].removesuffix(",one cell too many")
    flights.write_text("\n".join([*lines[:100], mended, *lines[101:]]) + "\n")
    assert set(_outcomes(project.run(day, "--to", "join_weather")).values()) <= {
        "complete",
        "cached",
        "left out",
    }
