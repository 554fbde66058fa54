"""The command itself, started by something that gives it too little."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.bad_input.conftest import GOOD
from integration.disks import WITHOUT_PRIVILEGES, needs_setpriv
from unit.cli.command import Command

pytestmark = pytest.mark.xdist_group("bad-input")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Carry out a line in which `$PIPELINE` is the command."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, "PIPELINE": str(Path(sys.executable).with_name("pipeline"))},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def runs(command: Command) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = command.json("runs", "counted")
    return found


def test_closed_streams(command: Command) -> None:
    """The store's file would otherwise be opened as number 0, 1 or 2, and be written to as such."""
    done = shell("$PIPELINE run counted -p rows=1 <&- >&- 2>&-", command.folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [run["state"] for run in runs(command)] == ["COMPLETE"]
    assert (command.folder / ".pipeline/metadata.sqlite").read_bytes().startswith(b"SQLite format 3")


def test_an_output_that_nobody_reads_to_its_end(command: Command) -> None:
    done = shell("$PIPELINE run counted -p rows=1 | head -c 1; exit ${PIPESTATUS[0]}", command.folder)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert {run["state"] for run in runs(command)} <= {"COMPLETE", "CANCELED"}
    assert command.json("doctor") == []
    command("run", "counted", "-p", "rows=1")


def test_a_working_directory_that_was_deleted(command: Command) -> None:
    done = shell("mkdir gone && cd gone && rmdir ../gone && $PIPELINE run counted -p rows=1", command.folder)
    assert done.returncode == 2
    assert "[PL601] the directory in which this was started is no longer there" in done.stderr
    assert "change to the project's folder" in done.stderr.partition("fix:")[2]
    assert not list(command.folder.glob(".pipeline/artifacts/*/*"))
    command("run", "counted", "-p", "rows=1")


def test_a_store_that_is_no_database(command: Command) -> None:
    file = command.folder / ".pipeline/metadata.sqlite"
    file.parent.mkdir()
    file.write_text("something else, and long enough to be a header\n" * 100)
    said = command.failing("run", "counted", "-p", "rows=1")
    assert "[PL301]" in said
    assert str(file) in said
    assert "move it away" in said.partition("fix:")[2]
    assert not list(command.folder.glob(".pipeline/artifacts/*/*"))
    file.rename(file.with_suffix(".odd"))
    command("run", "counted", "-p", "rows=1")


@needs_setpriv
def test_a_folder_that_this_user_may_not_list(command: Command) -> None:
    folder = command.folder / "in"
    folder.mkdir()
    (folder / "in.csv").write_text(GOOD)
    mode = folder.stat().st_mode
    folder.chmod(0)
    try:
        done = shell(f"{shlex.join(WITHOUT_PRIVILEGES)} $PIPELINE run csv -p source=in", command.folder)
    finally:
        folder.chmod(mode)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    assert "[PC104] the source matches no file" in said
    assert f"let this user list {folder}" in said.partition("fix:")[2]
    assert not list(command.folder.glob(".pipeline/artifacts/*/*"))
    command("run", "csv", "-p", "source=in")
