"""`pipeline list` and `pipeline compile`: what there is, and what it compiles to."""

from typing import Annotated

import typer

from pipeline_lib.cli.console import reported, show, table
from pipeline_lib.cli.discovery import find_pipeline, pipelines
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.settings import load_profile


def list_pipelines(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Show every pipeline that the profile's import paths hold."""
    with reported(as_json=as_json):
        plans = [found.compile() for found in pipelines(load_profile(profile).import_paths)]
    rows = table("pipeline", "schedule", "nodes", "parameters", "what it does")
    for plan in plans:
        rows.add_row(
            plan.name,
            plan.schedule or "",
            str(len(plan.nodes)),
            ", ".join(parameter.name for parameter in plan.parameters),
            plan.description.partition("\n")[0],
        )
    show([plan.as_json() for plan in plans], as_json=as_json, render=lambda: rows)


def compile_pipeline(
    name: Annotated[str, typer.Argument(help="Name of the pipeline.")],
    profile: ProfileName = None,
) -> None:
    """Print the plan, as canonical JSON: equal pipelines give equal bytes."""
    with reported():
        plan = find_pipeline(name, load_profile(profile).import_paths).compile()
    typer.echo(plan.to_text())
