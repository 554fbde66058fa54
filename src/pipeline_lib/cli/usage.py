"""What is wrong with a command line itself, said in the form of every other error."""

import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from pipeline_lib.cli.console import EXIT_USAGE, report
from pipeline_lib.errors import CommandLineError, PipelineError

_NEAR = re.compile(r"[.]? ?[(]?(?:Did you mean|Possible options?:) (.*?)[?).]*$")


class Commands(TyperGroup):
    """A command whose errors of use have our form, as JSON if `--json` is on the line."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; like typer's, but errors of use are reported in the house's form."""
        as_json = "--json" in (sys.argv[1:] if args is None else args)
        try:
            code = super().main(
                args,
                prog_name=prog_name,
                complete_var=complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except (PipelineError, typer.TyperException) as error:
            if not standalone_mode:
                raise
            report(_explained(error), as_json=as_json)
            sys.exit(EXIT_USAGE)
        except typer.Abort:
            if not standalone_mode:
                raise
            sys.exit(EXIT_USAGE)
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code


def _explained(error: PipelineError | typer.TyperException) -> PipelineError:
    if isinstance(error, PipelineError):
        return error
    context = getattr(error, "ctx", None)
    place = context.command_path if context is not None else "pipeline"
    summary, near = _NEAR.sub("", error.format_message()), _NEAR.search(error.format_message())
    return CommandLineError(
        summary.rstrip("."),
        usage=_usage(context.get_usage()) if context is not None else None,
        fix=f"did you mean {near.group(1)}?" if near else f"`{place} --help` says what it takes",
    )


def _usage(text: str) -> str:
    return " ".join(text.split()).removeprefix("Usage: ").replace("{", "").replace("}", "")
