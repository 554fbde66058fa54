"""The sample pipeline by the command line, on real flights, in an empty folder: what a stranger does."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NIGHT = date(2013, 6, 14)
DAYS = [NIGHT + timedelta(days=offset) for offset in (-2, -1, 0, 1)]

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


class Project:
    """A copy of the sample in a folder of its own, and the command run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "configs", folder / "configs")
        self.environment = {
            **os.environ,
            "PIPELINE_HOST__DIRECTORY": str(folder / "host"),
            "PYTHONPATH": str(folder / "dags"),
        }

    def python(self, code: str) -> str:
        return self._call([sys.executable, "-c", code], 0)

    def pipeline(self, *arguments: str, code: int = 0) -> str:
        return self._call([str(Path(sys.executable).with_name("pipeline")), *arguments], code)

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.pipeline(*arguments, "--json", code=code))

    def _call(self, command: list[str], code: int) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr if code else done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("project"))
    days = ", ".join(f"date({d.year}, {d.month}, {d.day})" for d in DAYS)
    made.python(
        "from datetime import date; from pathlib import Path; from flight_delays.data import write_days; "
        f"write_days(Path('.pipeline/data'), [{days}])"
    )
    yield made
    made.pipeline("host", "stop")


def _run(project: Project, day: date, *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = project.json(
        "run", "flight-delays", "-p", f"day={day}", "-p", "train_steps=150", *arguments, code=code
    )
    return found


def _outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {node["node"]: node["outcome"] for node in result["nodes"]}


def _output(result: dict[str, Any], node: str, port: str) -> dict[str, Any]:
    (found,) = [n for n in result["nodes"] if n["node"] == node]
    artifact: dict[str, Any] = found["outputs"][port][0]
    return artifact


@pytest.fixture(scope="module")
def first_night(project: Project) -> dict[str, Any]:
    project.pipeline("run", "flight-delays", "--each", f"{DAYS[0]}:{DAYS[1]}", "--to", "join_weather")
    return _run(project, NIGHT)


def test_a_night_ends_in_a_pushed_model(project: Project, first_night: dict[str, Any]) -> None:
    assert set(_outcomes(first_night).values()) == {"complete", "resolved"}
    blessing = _output(first_night, "evaluate", "blessing")
    assert (blessing["properties"]["blessed"], blessing["properties"]["outcome"]) == (True, "blessed")
    pushed = _output(first_night, "push", "pushed_model")
    served = Path(pushed["properties"]["pushed_destination"])
    assert served.parent == project.folder / ".pipeline/serving/flight-delays"
    assert (served / "saved_model.pb").exists()


def test_the_window_holds_every_day_so_far(first_night: dict[str, Any]) -> None:
    (window,) = [node for node in first_night["nodes"] if node["node"] == "rolling_window"]
    spans = [artifact["properties"]["span"] for artifact in window["outputs"]["result"]]
    assert spans == [(day - date(1970, 1, 1)).days for day in DAYS[:3]]


def test_the_same_night_again_comes_from_the_cache(project: Project, first_night: dict[str, Any]) -> None:
    again = _run(project, NIGHT)
    executed = {node for node, outcome in _outcomes(again).items() if outcome == "complete"}
    assert executed == {"push"}  # never cached: it looks at the serving directory itself
    version = ("push", "pushed_model")
    assert (
        _output(again, *version)["properties"]["pushed_version"]
        == _output(first_night, *version)["properties"]["pushed_version"]
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
    project: Project, first_night: dict[str, Any]
) -> None:
    model = _output(first_night, "train", "model")
    following = _run(project, DAYS[3])
    blessing = _output(following, "evaluate", "blessing")
    assert blessing["properties"]["baseline_model_id"] == model["id"]
    assert _outcomes(following)["import_schema"] == "cached"


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
    served = _output(first_night, "push", "pushed_model")["properties"]["pushed_destination"]
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
    result = _run(project, date(2013, 7, 1), code=1)
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
    result = _run(project, day, code=1)
    (failed,) = [node for node in result["nodes"] if node["node"] == "ingest_flights"]
    assert ":101" in failed["error"]["at"]
    assert not [
        artifact
        for artifact in project.json("artifacts", "Examples", "--node", "ingest_flights")
        if artifact["run_id"] == result["run_id"]
    ]
    mended = lines[100].removesuffix(",one cell too many")
    flights.write_text("\n".join([*lines[:100], mended, *lines[101:]]) + "\n")
    assert set(_outcomes(_run(project, day, "--to", "join_weather")).values()) <= {
        "complete",
        "cached",
        "left out",
    }
