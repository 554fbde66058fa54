"""The sample pipeline in an empty folder, and its nights: one of each for all tests of the group flights."""

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
CHANGE = "\n# Changed after the commit.\n"
"""What the working copy has that its commit has not."""


class Project:
    """A copy of the sample in a folder of its own, and the command run there."""

    head = ""

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

    def run(self, day: date, *arguments: str, code: int = 0) -> dict[str, Any]:
        """A night of the pipeline, trained for a short while."""
        given = ("-p", f"day={day}", "-p", "train_steps=150", *arguments)
        found: dict[str, Any] = self.json("run", "flight-delays", *given, code=code)
        return found

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

    def commit(self) -> str:
        """Make the folder a repository of what is in it; returns the commit."""
        (self.folder / ".gitignore").write_text(".pipeline/\n__pycache__/\nhost/\n")
        author = ("-c", "user.name=Example", "-c", "user.email=example@example.org")
        self._call(["git", "init", "--quiet"], 0)
        self._call(["git", "add", "--all"], 0)
        self._call(["git", *author, "commit", "--quiet", "--message", "The sample pipelines"], 0)
        return self._call(["git", "rev-parse", "HEAD"], 0).strip()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("project"))
    made.head = made.commit()
    with (made.folder / "dags/flight_delays/features.py").open("a") as features:
        features.write(CHANGE)
    days = ", ".join(f"date({d.year}, {d.month}, {d.day})" for d in DAYS)
    made.python(
        "from datetime import date; from pathlib import Path; from flight_delays.data import write_days; "
        f"write_days(Path('.pipeline/data'), [{days}])"
    )
    yield made
    made.pipeline("host", "stop")


@pytest.fixture(scope="session")
def first_night(project: Project) -> dict[str, Any]:
    project.pipeline("run", "flight-delays", "--each", f"{DAYS[0]}:{DAYS[1]}", "--to", "join_weather")
    return project.run(NIGHT)


@pytest.fixture(scope="session")
def next_night(project: Project, first_night: dict[str, Any]) -> dict[str, Any]:
    """A day later: another model, held to the first one."""
    return project.run(DAYS[3])


def output(result: dict[str, Any], node: str, port: str) -> dict[str, Any]:
    """The one artifact of a port."""
    (found,) = [n for n in result["nodes"] if n["node"] == node]
    artifact: dict[str, Any] = found["outputs"][port][0]
    return artifact
