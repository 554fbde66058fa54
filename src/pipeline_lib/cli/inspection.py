"""`pipeline runs`, `show` and `artifacts`: what the metadata store knows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from pipeline_lib.cli import completion
from pipeline_lib.cli.console import out, reported, short_path, show, styled, table
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.cli.records import TIME, artifact_view, execution_view, run_duration, run_view
from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ArtifactQuery, Run, StoredArtifact
from pipeline_lib.metadata.store import Store
from pipeline_lib.settings import load_profile
from pipeline_lib.wording import brief

_WIDE, _ROOMY = 130, 90
_LARGEST_ID = 2**63 - 1

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, newest first.")]


def runs(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="PIPELINE", help="Only runs of this one.", autocompletion=completion.pipeline_names
        ),
    ] = None,
    limit: Limit = 20,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List the latest runs."""
    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        found = store.runs(name, limit=limit)
        if not found and name is not None:  # `-` and `_` are the same, as in `pipeline run`
            found = store.runs(name.replace("_", "-"), limit=limit)
    show([asdict(run) for run in found], as_json=as_json, render=lambda: _runs_table(found, name))


def show_record(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECORD",
            help="A run id, `execution:ID` or `artifact:ID`.",
            autocompletion=completion.run_ids,
        ),
    ],
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show one run, execution or artifact."""
    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        record, rendered = _find(store, what)
    show(record, as_json=as_json, render=lambda: rendered)


def artifacts(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="TYPE", help="Only of this type, such as Model.", autocompletion=completion.artifact_types
        ),
    ] = None,
    pipeline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only of this pipeline.", autocompletion=completion.pipeline_names),
    ] = None,
    node: Annotated[str | None, typer.Option(metavar="NAME", help="Only made by this node.")] = None,
    limit: Limit = 20,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List the latest artifacts."""
    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        query = ArtifactQuery(type_name=kind, pipeline=pipeline, node=node, limit=limit)
        found = store.artifacts(query)
    show([asdict(artifact) for artifact in found], as_json=as_json, render=lambda: _artifacts_table(found))


def _runs_table(found: Sequence[Run], name: str | None) -> RenderableType:
    if not found:
        return f"no run of {name} yet" if name else "no run yet; `pipeline list` shows what there is to run"
    rows = table("run", "span", "state", "took", "began (UTC)", whole=["run", "span", "state"])
    form = TIME if out.width >= _ROOMY else "%m-%d %H:%M"
    for run in found:
        rows.add_row(
            run.run_id,
            run.span,
            styled(run.state.lower()),
            run_duration(run),
            f"{run.started_at:{form}}" if run.started_at else "",
        )
    return rows


def _artifacts_table(found: Sequence[StoredArtifact]) -> RenderableType:
    if not found:
        return "no such artifact"
    wide = out.width >= _WIDE  # else the place, which names pipeline, node and port, says enough
    columns = ("id", "type", "made by", "created (UTC)", "at", "properties") if wide else ("id", "type", "at")
    rows = table(*columns, whole=["id", "type", "created (UTC)"], right=["id"])
    for artifact in found:
        cells = {
            "id": str(artifact.id),
            "type": artifact.type_name,
            "made by": f"{artifact.pipeline}.{artifact.node}",
            "created (UTC)": f"{artifact.created_at:{TIME}}",
            "properties": "; ".join(
                f"{name} {brief(value)}" for name, value in artifact.properties.items() if value is not None
            ),
            "at": short_path(artifact.uri),
        }
        rows.add_row(*(cells[column] for column in columns))
    return rows


def _find(store: Store, what: str) -> tuple[dict[str, Any], RenderableType]:
    kind, _, number = what.partition(":")
    if kind in ("execution", "artifact") and number.isdecimal():
        return _numbered(store, kind, int(number))
    run = store.run(what)
    if run is None:
        raise UnknownRecordError(
            f"there is no run {what}",
            fix="`pipeline runs` lists them; for others write execution:ID or artifact:ID",
        )
    executions = store.run_executions(what)
    record = asdict(run) | {"executions": [asdict(execution) for execution in executions]}
    return record, run_view(run, executions)


def _numbered(store: Store, kind: str, number: int) -> tuple[dict[str, Any], RenderableType]:
    if number <= _LARGEST_ID:
        if kind == "execution" and (execution := store.execution(number)) is not None:
            return asdict(execution), execution_view(execution)
        if kind == "artifact" and (artifact := store.artifact(number)) is not None:
            return asdict(artifact), artifact_view(artifact)
    raise UnknownRecordError(
        f"there is no {kind} {number}", fix="`pipeline show RUN` and `pipeline artifacts` list them"
    )
