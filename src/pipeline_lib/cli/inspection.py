"""`pipeline runs`, `show` and `artifacts`: what the metadata store knows."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from pipeline_lib.cli.console import reported, show, styled, table
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ArtifactQuery, Run, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store
from pipeline_lib.settings import load_profile

_TIME = "%Y-%m-%d %H:%M:%S"


def runs(
    name: Annotated[str | None, typer.Argument(help="Only runs of this pipeline.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List the latest runs."""
    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        found = store.runs(name, limit=limit)
    rows = table("run", "span", "state", "started (UTC)")
    for run in found:
        started = f"{run.started_at:{_TIME}}" if run.started_at else ""
        rows.add_row(run.run_id, run.span, styled(run.state.lower()), started)
    show([asdict(run) for run in found], as_json=as_json, render=lambda: rows)


def show_record(
    what: Annotated[str, typer.Argument(help="A run id, `execution:ID` or `artifact:ID`.")],
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show one run, execution or artifact."""
    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        kind, _, number = what.partition(":")
        if kind in ("execution", "artifact") and number.isdigit():
            record, rendered = _one(store, kind, int(number))
        else:
            record, rendered = _run(store, what)
    show(record, as_json=as_json, render=lambda: rendered)


def artifacts(
    kind: Annotated[str | None, typer.Argument(help="Only artifacts of this type, such as Model.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only of this pipeline.")] = None,
    node: Annotated[str | None, typer.Option(help="Only made by this node.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List the latest artifacts."""
    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        found = store.artifacts(ArtifactQuery(type_name=kind, pipeline=pipeline, node=node, limit=limit))
    rows = table("id", "type", "made by", "created (UTC)", "properties", "at")
    for artifact in found:
        rows.add_row(
            str(artifact.id),
            artifact.type_name,
            f"{artifact.pipeline}.{artifact.node}",
            f"{artifact.created_at:{_TIME}}",
            _properties(artifact),
            artifact.uri,
        )
    show([asdict(artifact) for artifact in found], as_json=as_json, render=lambda: rows)


def _run(store: Store, run_id: str) -> tuple[dict[str, Any], RenderableType]:
    run = store.run(run_id)
    if run is None:
        raise UnknownRecordError(
            f"there is no run {run_id}",
            fix="`pipeline runs` lists them; ids of others are execution:ID, artifact:ID",
        )
    executions = store.run_executions(run_id)
    rows = table("execution", "node", "state", "started (UTC)", "outputs")
    for execution in executions:
        made = ", ".join(f"{a.type_name} {a.id}" for ports in execution.outputs.values() for a in ports)
        rows.add_row(
            str(execution.id),
            str(execution.key),
            styled(execution.state.lower()),
            f"{execution.started_at:{_TIME}}",
            made,
        )
    record = asdict(run) | {"executions": [asdict(execution) for execution in executions]}
    return record, Group(_run_head(run), Text(), rows)


def _run_head(run: Run) -> RenderableType:
    return _facts({"run": run.run_id, "state": run.state, "span": run.span, **run.parameters, **run.facts})


def _one(store: Store, kind: str, number: int) -> tuple[dict[str, Any], RenderableType]:
    found: StoredArtifact | StoredExecution | None = (
        store.execution(number) if kind == "execution" else store.artifact(number)
    )
    if found is None:
        raise UnknownRecordError(
            f"there is no {kind} {number}", fix="`pipeline show RUN` and `pipeline artifacts` list them"
        )
    record = asdict(found)
    return record, _facts(_flat(record))


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            for index, item in enumerate(value):
                flat |= _flat(item, f"{prefix}{name}[{index}].")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _facts(facts: dict[str, Any]) -> RenderableType:
    rows = table("", "")
    rows.show_header = False
    for name, value in facts.items():
        if value not in (None, "", {}, []):
            rows.add_row(Text(name, "dim"), str(value))
    return rows


def _properties(artifact: StoredArtifact) -> str:
    return " ".join(f"{name}={value}" for name, value in artifact.properties.items() if value is not None)
