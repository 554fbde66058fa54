"""The child's log in the task's."""

import logging
import time
from pathlib import Path

import pytest

from pipeline_lib.airflow.task_logs import ChildLog
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.runtime.results import NodeProgress, NodeStep, Step

KEY = NodeKey(pipeline="p", run_id="r", node="n")
LOGGER = logging.getLogger("tests.child")


def executing(file: Path) -> NodeStep:
    return NodeStep(key=KEY, step=Step.EXECUTING, detail="first execution", log=file)


def test_lines_arrive_while_the_child_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "n.log"
    with ChildLog(LOGGER) as log, file.open("a") as child:
        log.observe(executing(file))
        child.write("epoch 1\n")
        child.flush()
        deadline = time.monotonic() + 5
        while "epoch 1" not in caplog.messages and time.monotonic() < deadline:
            time.sleep(0.02)
        assert caplog.messages == ["executing: first execution", "epoch 1"]


def test_the_end_arrives_even_without_a_line_break(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "n.log"
    with ChildLog(LOGGER) as log:
        log.observe(executing(file))
        file.write_text("one\ntwo")
    assert caplog.messages[1:] == ["one", "two"]


def test_what_an_earlier_try_wrote_is_not_repeated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "n.log"
    file.write_text("first try\n")
    with ChildLog(LOGGER) as log:
        log.observe(executing(file))
        with file.open("a") as child:
            child.write("second try\n")
    assert caplog.messages[1:] == ["second try"]


@pytest.mark.parametrize(
    ("line", "name", "level", "text"),
    [
        pytest.param(
            "2026-01-01 03:00:00,000 WARNING flights.x: few rows",
            "tests.child.flights.x",
            logging.WARNING,
            "few rows",
            id="record",
        ),
        pytest.param("ERROR: no rows", "tests.child", logging.INFO, "ERROR: no rows", id="plain"),
    ],
)
def test_levels_and_loggers_of_the_child_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str, name: str, level: int, text: str
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "n.log"
    with ChildLog(LOGGER) as log:
        log.observe(executing(file))
        file.write_text(line + "\n")
    assert caplog.record_tuples[1:] == [(name, level, text)]


def test_progress_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with ChildLog(LOGGER) as log:
        log.observe(NodeProgress(key=KEY, progress={"epoch": 3}))
    assert caplog.messages == ['progress {"epoch": 3}']
