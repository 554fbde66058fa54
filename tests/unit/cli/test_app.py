"""The command's tree."""

from importlib.metadata import version

import pytest

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
