"""The command's tree."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pipeline_lib.cli import app
from unit.cli.command import Command

COMMANDS = ["list", "compile", "plan", "run", "runs", "show", "artifacts", "doctor", "host"]


def test_every_command_has_its_line_of_help(pipeline: Command) -> None:
    shown = pipeline("--help")
    for name in COMMANDS:
        assert f" {name} " in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(pipeline: Command, name: str) -> None:
    assert "Usage: pipeline" in pipeline(name, "-h")


def test_the_version_is_the_installed_one(pipeline: Command) -> None:
    assert pipeline("--version").strip() == version("pipeline-lib")


def test_nothing_asked_shows_the_help_and_is_an_error_of_use(pipeline: Command) -> None:
    pipeline(code=2)
    assert "COMMAND" in pipeline.error


def test_a_command_waits_for_no_other_commands_imports() -> None:
    code = (
        "import sys; from pipeline_lib.cli import app\n"
        "app(['run', '--help'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "pipeline_lib.cli.run" in loaded
    assert loaded.isdisjoint(
        {"filelock", "fsspec", "ml_metadata", "pipeline_lib.cli.audit", "pipeline_lib.lineage", "sqlalchemy"}
    )


def _commands(group: Any, path: str = "pipeline") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")


def test_the_reference_names_every_command_and_option() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/cli.md").read_text(encoding="utf-8")
    root = get_command(app)
    options = {
        option
        for _, command in [("pipeline", root), *_commands(root)]
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert {name for name in root.commands if f"`pipeline {name}" not in page} == set()
    assert {option for option in options if f"`{option}" not in page} == set()
