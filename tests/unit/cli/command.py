"""The `pipeline` command as a test calls it."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from pipeline_lib.cli import app


class Command:
    """The `pipeline` command, run in this process in the project's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, list(arguments), prog_name="pipeline")
        assert done.exit_code == code, done.output
        self.error = done.stderr
        return done.stdout

    def failing(self, *arguments: str) -> str:
        """All that is said, on both streams, by a command that must not succeed."""
        done = CliRunner().invoke(app, list(arguments), prog_name="pipeline")
        assert isinstance(done.exception, SystemExit), repr(done.exception)
        assert done.exit_code not in {0, None}, done.output
        return " ".join(done.output.split())

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def run(self, name: str = "chain", *more: str, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.json("run", name, "-p", "source=number.txt", *more, code=code)
        return found
