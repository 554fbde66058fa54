"""The child's log in the task's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from pipeline_lib.airflow.task_logs import ChildLog
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.runtime.results import NodeProgress, NodeStep, Step
from waiting import wait_until

KEY = NodeKey(pipeline="p", run_id="r", node="n")


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    before = structlog.get_config()
    capture = LogCapture()
    structlog.configure(processors=[capture])
    yield capture.entries
    structlog.configure(**before)


def executing(file: Path) -> NodeStep:
    return NodeStep(key=KEY, step=Step.EXECUTING, detail="first execution", log=file)


def events(logged: list[Any]) -> list[str]:
    return [entry["event"] for entry in logged]


def test_lines_arrive_while_the_child_runs(tmp_path: Path, logged: list[Any]) -> None:
    file = tmp_path / "n.log"
    with ChildLog("node") as log, file.open("a") as child:
        log.observe(executing(file))
        child.write("epoch 1\n")
        child.flush()
        wait_until(lambda: "epoch 1" in events(logged))
        assert events(logged) == ["executing: first execution", "epoch 1"]


def test_the_end_arrives_even_without_a_line_break(tmp_path: Path, logged: list[Any]) -> None:
    file = tmp_path / "n.log"
    with ChildLog("node") as log:
        log.observe(executing(file))
        file.write_text("one\ntwo")
    assert events(logged)[1:] == ["one", "two"]


def test_what_an_earlier_try_wrote_is_not_repeated(tmp_path: Path, logged: list[Any]) -> None:
    file = tmp_path / "n.log"
    file.write_text("first try\n")
    with ChildLog("node") as log:
        log.observe(executing(file))
        with file.open("a") as child:
            child.write("second try\n")
    assert events(logged)[1:] == ["second try"]


def test_level_and_fields_are_kept(tmp_path: Path, logged: list[Any]) -> None:
    file = tmp_path / "n.log"
    with ChildLog("node") as log:
        log.observe(executing(file))
        file.write_text('2026-01-01 03:00:00,000 WARNING flights.x: few rows | {"rows": 3, "level": "low"}\n')
    assert logged[1:] == [{"event": "few rows", "log_level": "warning", "rows": 3, "level_": "low"}]


def test_progress_is_logged_by_fields(logged: list[Any]) -> None:
    with ChildLog("node") as log:
        log.observe(NodeProgress(key=KEY, progress={"epoch": 3}))
    assert logged == [{"event": "progress", "log_level": "info", "epoch": 3}]
