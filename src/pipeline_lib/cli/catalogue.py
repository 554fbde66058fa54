"""`pipeline list` and `pipeline compile`: what there is, and what it compiles to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline_lib.airflow.files import write_dag
from pipeline_lib.cli.console import EXIT_USAGE, report, reported, show, table
from pipeline_lib.cli.discovery import find_pipeline, importable_pipelines
from pipeline_lib.cli.options import AsJson, PipelineName, ProfileName
from pipeline_lib.errors import PipelineError
from pipeline_lib.settings import load_profile

if TYPE_CHECKING:
    from pipeline_lib.plan.models import Plan


def list_pipelines(profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Show every pipeline that the profile's import paths hold.

    Exit code 2: one of them is broken; the others are shown all the same.
    """
    plans: list[Plan] = []
    with reported(as_json=as_json):
        found, errors = importable_pipelines(load_profile(profile).import_paths)
    for pipeline in found:
        try:
            plans.append(pipeline.compile())
        except PipelineError as error:
            errors.append(error)
    rows = table(
        "pipeline", "schedule", "nodes", "parameters", "what it does", whole=["pipeline"], right=["nodes"]
    )
    for plan in plans:
        rows.add_row(
            plan.name,
            plan.schedule or ", ".join(f"on {trigger}" for trigger in plan.triggers),
            str(len(plan.nodes)),
            ", ".join(parameter.name for parameter in plan.parameters),
            plan.description.partition("\n")[0],
        )
    if plans or not errors:
        none = "no pipeline here: a pipeline is a file dags/NAME/pipeline.py"
        show([plan.as_json() for plan in plans], as_json=as_json, render=lambda: rows if plans else none)
    for broken in errors:
        report(broken, as_json=as_json and not plans)
    if errors:
        raise typer.Exit(EXIT_USAGE)


def compile_pipeline(
    name: PipelineName,
    target: Annotated[
        Literal["plan", "airflow"],
        typer.Option(help="`plan`: print it. `airflow`: write a DAG file and the plan beside it."),
    ] = "plan",
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the DAG file goes: Airflow's DAG folder.")
    ] = Path(),
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Print the plan, as canonical JSON, or write the DAG: equal pipelines give equal bytes."""
    with reported(as_json=as_json):
        plan = find_pipeline(name, load_profile(profile).import_paths).compile()
        written = write_dag(plan, output, profile=profile) if target == "airflow" else ()
    typer.echo("\n".join(str(file) for file in written) if written else plan.to_text())
