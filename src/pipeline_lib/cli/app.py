"""The command's tree: every sub-command in a module of its own, imported when it is named."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from typer.main import get_command, get_group

from pipeline_lib.cli.usage import Commands

_PLACES = {
    "list": "catalogue:list_pipelines",
    "compile": "catalogue:compile_pipeline",
    "plan": "plan:plan",
    "run": "run:run",
    "runs": "inspection:runs",
    "show": "inspection:show_record",
    "artifacts": "inspection:artifacts",
    "stale": "stale:stale",
    "doctor": "doctor:doctor",
    "serve": "serving:serve",
    "ui": "ui:ui",
    "host": "host:app",
    "serving": "serving:app",
    "lineage": "lineage:app",
    "audit": "audit:app",
    "gc": "retention:collect_garbage",
    "pin": "retention:pin",
    "unpin": "retention:unpin",
}
"""Module and name of each sub-command, in the order of the help."""


class _WhenNamed(Mapping[str, Any]):
    """Sub-commands by name; `pipeline run` does not wait for the imports of all others."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = _PLACES[name].partition(":")
        found = getattr(importlib.import_module(f"pipeline_lib.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name = name
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        return get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


class _Tree(Commands):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": None})
        self.commands = _WhenNamed()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(self.commands)


app = typer.Typer(
    name="pipeline",
    cls=_Tree,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed_version

        typer.echo(installed_version("pipeline-lib"))
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Typed ML pipelines: cached by content, published whole, recorded."""
