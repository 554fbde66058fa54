"""How the command speaks: tables for people, JSON for programs, one form of error, exit codes."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline_lib.errors import PipelineError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

# A file or a pipe has no width: lines there are as long as they need to be.
ENDLESS = 100_000
out = Console(highlight=False, width=None if sys.stdout.isatty() else ENDLESS)
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


def table(*columns: str, whole: Sequence[str] = (), right: Sequence[str] = ()) -> Table:
    """A table in the house's form.

    Args:
        columns: Their headings.
        whole: Columns that are never broken over lines: what is copied from there.
        right: Columns of numbers.
    """
    made = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(
            column,
            overflow="fold",
            no_wrap=column in whole,
            justify="right" if column in right else "left",
        )
    return made


def print_json(value: Any) -> None:
    """Write JSON for a program."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def show(value: Any, *, as_json: bool, render: Callable[[], Any]) -> None:
    """JSON for programs, or what `render` makes for people."""
    if as_json:
        print_json(value)
    else:
        draw(render())


def draw(rendered: RenderableType) -> None:
    """Print for people; into a file or a pipe, without the blanks that pad a table's cells."""
    if out.is_terminal:
        out.print(rendered)
        return
    with out.capture() as captured:
        out.print(rendered)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def report(error: PipelineError, *, as_json: bool = False) -> None:
    """Say what is wrong: on the error stream for people, as JSON on the output for programs."""
    if as_json:
        print_json({"error": error.as_json()})
    else:
        err.print(error_text(error))


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn an error a user can act on into its message and exit code 2."""
    try:
        yield
    except PipelineError as error:
        report(error, as_json=as_json)
        raise typer.Exit(EXIT_USAGE) from error


def error_text(error: PipelineError) -> Text:
    """An error in the house's form, the code and the fix made visible."""
    text = Text(str(error))
    text.highlight_regex(r"^\[\w+\][^\n]*", "bold red")
    text.highlight_regex(r"(?m)^  fix:.*$", "green")
    return text


def short_path(uri: str) -> str:
    """A path as one would type it from here; URLs and paths elsewhere as they are."""
    path = Path(uri)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else uri
