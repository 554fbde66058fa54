"""How the command speaks: tables for people, JSON for programs, one form of error, exit codes."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline_lib.errors import PipelineError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

# A file or a pipe has no width: lines there are as long as they need to be.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_STYLES = {
    "complete": "green",
    "cached": "cyan",
    "resolved": "blue",
    "reused": "blue",
    "failed": "bold red",
    "blocked": "red",
    "canceled": "yellow",
    "skipped": "dim",
    "left out": "dim",
    "running": "yellow",
    "hit": "cyan",
    "miss": "green",
    "pending": "dim",
}


def styled(word: str) -> Text:
    """A state in its colour."""
    return Text(word, style=_STYLES.get(word.lower(), ""))


def table(*columns: str) -> Table:
    """A table in the house's form."""
    made = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def print_json(value: Any) -> None:
    """Write JSON for a program."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def show(value: Any, *, as_json: bool, render: Callable[[], Any]) -> None:
    """JSON for programs, or what `render` makes for people."""
    if as_json:
        print_json(value)
    else:
        out.print(render())


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn an error a user can act on into its message and exit code 2."""
    try:
        yield
    except PipelineError as error:
        if as_json:
            print_json({"error": error.as_json()})
        else:
            err.print(error_text(error))
        raise typer.Exit(EXIT_USAGE) from error


def error_text(error: PipelineError) -> Text:
    """An error in the house's form, the code and the fix made visible."""
    text = Text(str(error))
    text.highlight_regex(r"^\[\w+\][^\n]*", "bold red")
    text.highlight_regex(r"(?m)^  fix:.*$", "green")
    return text


def duration(seconds: float) -> str:
    """Seconds as a person reads them."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
