"""The command's tree: every sub-command in a module of its own, imported when it is named."""

from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from pipeline_lib.cli import (
    audit,
    catalogue,
    doctor,
    host,
    inspection,
    lineage,
    plan,
    retention,
    run,
    serving,
    stale,
    ui,
)
from pipeline_lib.cli.usage import Commands

app = typer.Typer(
    name="pipeline",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
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


app.command("list")(catalogue.list_pipelines)
app.command("compile")(catalogue.compile_pipeline)
app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("runs")(inspection.runs)
app.command("show")(inspection.show_record)
app.command("artifacts")(inspection.artifacts)
app.command("stale")(stale.stale)
app.command("doctor")(doctor.doctor)
app.command("serve")(serving.serve)
app.command("ui")(ui.ui)
app.add_typer(host.app, name="host")
app.add_typer(serving.app, name="serving")
app.add_typer(lineage.app, name="lineage")
app.add_typer(audit.app, name="audit")
app.command("gc")(retention.collect_garbage)
app.command("pin")(retention.pin)
app.command("unpin")(retention.unpin)
