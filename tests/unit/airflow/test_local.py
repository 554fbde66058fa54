"""What a local Airflow's processes are told, and when one starts again; integration/airflow runs them."""

import sys
from pathlib import Path

import psutil
import pytest

from pipeline_lib.airflow.local import LocalAirflow
from unit.runtime.background import is_gone


@pytest.fixture
def airflow(tmp_path: Path) -> LocalAirflow:
    return LocalAirflow(
        home=tmp_path / "home", dags=tmp_path, port=9000, environ={"AIRFLOW__API__WORKERS": "2"}
    )


def test_what_a_caller_says_counts_but_not_where_another_airflow_is(
    airflow: LocalAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__WORKERS", "3")
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "1")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://production/airflow")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC", "postgresql://production/airflow")
    found = airflow.environment()
    assert found["AIRFLOW__API__WORKERS"] == "2"
    assert found["AIRFLOW__CORE__PARALLELISM"] == "1"
    assert not [name for name, text in found.items() if "production" in text]


def test_a_part_that_ends_again_and_again_is_given_up(
    airflow: LocalAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = [sys.executable, "-c", ""]
    monkeypatch.setattr(LocalAirflow, "_commands", lambda _: {"scheduler": program})
    airflow._start("scheduler")
    seen = set()
    for _ in range(3):
        process = airflow._running["scheduler"]
        seen.add(process.pid)
        process.wait(30)
        assert airflow.ended() == "scheduler"
        assert airflow.restart("scheduler")
    assert len(seen) == 3
    assert not airflow.restart("scheduler")
    airflow.stop()


def test_what_a_part_left_behind_ends_before_it_starts_again(
    airflow: LocalAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a worker of the old scheduler would go on with a task that the new one starts anew."""
    leaving = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    programs = iter([[sys.executable, "-c", leaving], ["sleep", "60"]])
    monkeypatch.setattr(LocalAirflow, "_commands", lambda _: {"scheduler": next(programs)})
    airflow._start("scheduler")
    first = airflow._running["scheduler"]
    first.wait(30)
    left = int(airflow.log("scheduler").read_text())
    assert psutil.pid_exists(left)
    airflow.restart("scheduler")
    assert is_gone(left)
    airflow.stop()
