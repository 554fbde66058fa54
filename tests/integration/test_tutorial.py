"""The tutorial's second half, typed in as it stands: its files, its commands, in their order."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"\n]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Reader:
    """Somebody who types what the page says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "configs", folder / "configs")
        (folder / "dags").mkdir()
        self.shown: list[tuple[str, str]] = []
        bin_folder = Path(sys.executable).parent
        self.environment = {
            **os.environ,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "PIPELINE_HOST__ENABLED": "false",
            "PYTHONPATH": f"{folder}/dags:{ROOT}/dags",
        }

    def follow(self, page: str) -> None:
        for language, title, text in BLOCK.findall(page):
            if language == "python":
                file = self.folder / title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            elif language == "sh":
                for line in text.splitlines():
                    self.shown.append((line, self.type(line)))

    def type(self, line: str, code: int = 0) -> str:
        done = subprocess.run(
            line,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def output_of(self, line: str) -> list[str]:
        return [output for typed, output in self.shown if typed == line]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    reader = Reader(tmp_path_factory.mktemp("tutorial"))
    reader.type(
        'python -c "from datetime import date; from pathlib import Path; '
        "from flight_delays.data import write_days; "
        "write_days(Path('.pipeline/data'), [date(2013, 6, day) for day in (12, 13, 14)])\""
    )
    reader.follow(PAGE.partition("## A component of your own")[2])
    return reader


def test_the_unit_test_passes(reader: Reader) -> None:
    (output,) = reader.output_of("pytest -q tests/unit/punctuality")
    assert "1 passed" in output


def test_the_second_run_is_cached(reader: Reader) -> None:
    first, second = reader.output_of("pipeline run punctuality -p day=2013-06-14")
    assert "2 complete, 1 skipped" in first
    assert "2 cached, 1 skipped" in second


def test_the_plan_says_what_the_other_limit_costs(reader: Reader) -> None:
    (output,) = reader.output_of("pipeline plan punctuality -p day=2013-06-14 -p late_minutes=5")
    assert "late_minutes: 15 -> 5" in output


def test_the_alarm_is_in_its_log(reader: Reader) -> None:
    logs = list((reader.folder / ".pipeline/logs/punctuality").rglob("raise_alarm.log"))
    assert logs
    assert all("of the flights were late" in log.read_text() for log in logs)


def test_each_day_has_its_line(reader: Reader) -> None:
    (output,) = reader.output_of("pipeline run punctuality --each 2013-06-12:2013-06-14")
    assert [line.split()[0] for line in output.splitlines()] == ["2013-06-12", "2013-06-13", "2013-06-14"]


def test_the_mistake_reads_as_printed(reader: Reader) -> None:
    file = reader.folder / "dags/punctuality/pipeline.py"
    right = file.read_text()
    file.write_text(right.replace("raise_alarm(measured)", "measure_punctuality(measured)"))
    try:
        told = reader.type("pipeline compile punctuality", code=2)
    finally:
        file.write_text(right)
    (printed,) = re.findall(r"^```text\n(\[PL102\].*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert told.replace(f"{reader.folder}/", "") == printed


def test_the_first_half_names_only_what_there_is() -> None:
    first = PAGE.partition("## A component of your own")[0]
    assert '"units", 64' in (ROOT / "dags/flight_delays/model.py").read_text()
    assert all((ROOT / path).exists() for path in re.findall(r"dags/flight_delays/\w+\.py", first))
    commands = [
        line for language, _, text in BLOCK.findall(first) if language == "sh" for line in text.splitlines()
    ]
    assert {command.split()[0] for command in commands} <= {"make", ".", "pipeline"}
