"""`make airflow`'s profiles; tests/integration/airflow starts it."""

from pathlib import Path

import pytest

from pipeline_lib.airflow.standalone import command, main


def test_an_unknown_profile_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROFILE", "mysql")
    with pytest.raises(SystemExit, match="sqlite, postgresql, celery"):
        main(tmp_path / "home", tmp_path)


def test_a_command_needs_an_airflow_that_was_started(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make airflow"):
        command(["dags", "list"], tmp_path / "home")
