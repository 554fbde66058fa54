"""Approval on the command line."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from unit.cli.command import Command

EXECUTABLE = str(Path(sys.executable).with_name("pipeline"))


def outcomes(result: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {node["node"]: node["outcome"] for node in result["nodes"]}


def test_a_node_is_approved_or_rejected_beforehand(pipeline: Command) -> None:
    agreed = pipeline.run("gated", "--approve", "publish", "--comment", "fine")
    assert outcomes(agreed)["publish"] == "complete"
    refused = pipeline.run("gated", "--reject", "publish", "--comment", "too odd")
    assert outcomes(refused)["publish"] == outcomes(refused)["after_publish"] == "skipped"
    (publish,) = [node for node in refused["nodes"] if node["node"] == "publish"]
    assert publish["reason"].endswith(": too odd")


def test_without_anybody_to_ask_it_fails_and_says_how_to_go_on(pipeline: Command) -> None:
    failed = pipeline.run("gated", code=1)
    assert outcomes(failed)["publish"] == "failed"
    resumed = pipeline.json("run", "gated", "--resume", failed["run_id"], "--approve", "publish")
    assert outcomes(resumed)["publish"] == "complete"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--approve", "read"], "read needs no approval", id="needless"),
        pytest.param(["--approve", "publsh"], "did you mean publish?", id="unknown"),
        pytest.param(
            ["--approve", "publish", "--reject", "publish"], "both approved and rejected", id="both"
        ),
    ],
)
def test_options_that_make_no_sense(pipeline: Command, options: list[str], message: str) -> None:
    assert message in pipeline.failing("run", "gated", "-p", "source=number.txt", *options)


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        pytest.param("gated", b"y it is fine\n", "publish complete", id="yes"),
        pytest.param("gated", b"n too odd\n", ": too odd", id="no"),
        pytest.param("hasty", b"", "nobody answered until", id="nothing in time"),
    ],
)
def test_a_person_at_the_terminal_is_asked(pipeline: Command, name: str, typed: bytes, told: str) -> None:
    ours, theirs = pty.openpty()
    try:
        started = subprocess.Popen(
            [EXECUTABLE, "run", name, "-p", "source=number.txt"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=pipeline.folder,
            env={**os.environ, "COLUMNS": "200", "TERM": "dumb"},
        )
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
            if b"approve? y, or n, and why" in shown and typed:
                os.write(ours, typed)
                typed = b""
        assert started.wait(60) == 0
    finally:
        os.close(ours)
    assert told in " ".join(shown.decode().split())


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side has closed it
        return b""
