"""Fault points: off by default, exact when on, and all of them really placed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline_lib
from pipeline_lib.faults import POINTS, fault_of, reached

SOURCES = Path(pipeline_lib.__file__).parent


def test_points_do_nothing_unless_asked() -> None:
    for point in POINTS:
        reached(point)


def test_a_fault_happens_once_at_the_count() -> None:
    fault = fault_of("raise@renamed#2")
    fault("renamed")
    fault("staged")
    with pytest.raises(OSError, match="fault point"):
        fault("renamed")
    fault("renamed")


@pytest.mark.parametrize("text", ["kill", "kill@nowhere", "burn@renamed", "kill@renamed#0", "kill@renamed#x"])
def test_a_misspelled_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="PIPELINE_FAULT"):
        fault_of(text)


def test_the_variable_arms_a_process() -> None:
    program = "from pipeline_lib.faults import reached; reached('staged'); reached('renamed'); print('on')"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PIPELINE_FAULT": "kill@renamed", "PYTHONPATH": str(SOURCES.parent)},
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (-9, b"")


def test_every_point_is_placed() -> None:
    placed = {
        point
        for path in SOURCES.rglob("*.py")
        for point in re.findall(r'\breached\("([\w-]+)"\)', path.read_text())
    }
    assert placed == set(POINTS)
