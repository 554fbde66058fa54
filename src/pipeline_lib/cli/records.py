"""One run, execution or artifact of the metadata store, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline_lib.cli.console import error_text, short_path, styled, table
from pipeline_lib.errors import PipelineError
from pipeline_lib.metadata.records import Ports, Run, StoredArtifact, StoredExecution
from pipeline_lib.wording import brief, duration, size

TIME = "%Y-%m-%d %H:%M:%S"

_SEVERAL = 3


def run_view(run: Run, executions: Sequence[StoredExecution]) -> RenderableType:
    """A run: how it ended, what it was given, and its executions in the order they began."""
    took = f" in {run_duration(run)}" if run.ended_at else ""
    head = Text.assemble((run.run_id, "bold"), "  ", styled(run.state.lower()), took)
    rows = table("id", "node", "state", "took", "memory", "made", whole=["node", "state"], right=["id"])
    for execution in executions:
        memory = execution.facts.get("peak_memory_bytes")
        rows.add_row(
            str(execution.id),
            str(execution.key),
            _state(execution),
            _seconds(execution),
            size(memory) if memory else "",
            _made(execution.outputs),
        )
    facts = {
        "span": run.span,
        "started": f"{run.started_at:{TIME}} UTC" if run.started_at else "",
        **_surroundings(run.facts),
    }
    footer = Text("pipeline show execution:ID has inputs, parameters and log of one", "dim")
    return Group(head, _facts(facts), *_section("parameters", run.parameters), Text(), rows, Text(), footer)


def run_duration(run: Run) -> str:
    """How long an ended run took."""
    if run.started_at is None or run.ended_at is None:
        return ""
    return duration((run.ended_at - run.started_at).total_seconds())


def execution_view(execution: StoredExecution) -> RenderableType:
    """An execution: what it read, what it was given, what it made, where its log is."""
    facts = execution.facts
    head = Text.assemble((f"execution {execution.id}: {execution.key}", "bold"), "  ", _state(execution))
    told = {
        "run": execution.key.run_id,
        "code": execution.type_name,
        "took": _used(execution),
        "try": facts.get("try") or "",
        "log": short_path(str(facts["log"])) if facts.get("log") else "",
        "cached from": f"execution {facts['cached_from']}" if facts.get("cached_from") else "",
        "cache key": execution.cache_key,
        "started": f"{execution.started_at:{TIME}} UTC",
        **_surroundings(facts),
    }
    parts = [head, _facts(told), *_section("parameters", execution.parameters)]
    parts += [*_ports("inputs", execution.inputs), *_ports("outputs", execution.outputs)]
    if isinstance(error := facts.get("error"), Mapping) and {"code", "summary", "fix"} <= error.keys():
        parts += [Text(), error_text(PipelineError.from_json(dict(error)))]
    return Group(*parts)


def artifact_view(artifact: StoredArtifact) -> RenderableType:
    """An artifact: where it is, what made it, its properties."""
    head = Text.assemble((f"artifact {artifact.id}: {artifact.type_name}", "bold"))
    if artifact.state != "LIVE":
        head.append(f"  {artifact.state.lower()}", "yellow")
    told = {
        "at": short_path(artifact.uri),
        "made by": f"{artifact.pipeline}.{artifact.node}, port {artifact.port}" if artifact.node else "",
        "run": artifact.run_id,
        "created": f"{artifact.created_at:{TIME}} UTC",
        "size": size(artifact.size_bytes),
        "digest": artifact.digest,
    }
    return Group(head, _facts(told), *_section("properties", artifact.properties))


def _state(execution: StoredExecution) -> Text:
    return styled("cached" if execution.facts.get("cached_from") else execution.state.lower())


def _seconds(execution: StoredExecution) -> str:
    found = execution.facts.get("wall_seconds")
    return duration(found) if found and not execution.facts.get("cached_from") else ""


def _used(execution: StoredExecution) -> str:
    facts, wall = execution.facts, _seconds(execution)
    if not wall:
        return ""
    return f"{wall}, CPU {duration(facts.get('cpu_seconds', 0.0))}, {size(facts.get('peak_memory_bytes', 0))}"


def _made(outputs: Ports) -> str:
    """`Model 61, ModelRun 62`; of a longer list the first and the last."""
    told = []
    for artifacts in filter(None, outputs.values()):
        names = [f"{artifact.type_name} {artifact.id}" for artifact in artifacts]
        told.append(
            ", ".join(names) if len(names) <= _SEVERAL else f"{names[0]} to {artifacts[-1].id} ({len(names)})"
        )
    return ", ".join(told)


def _surroundings(facts: Mapping[str, Any]) -> dict[str, Any]:
    commit = str(facts.get("git_commit") or "")[:12]
    return {
        "by": f"{facts['user']} on {facts.get('host', '?')}" if facts.get("user") else "",
        "commit": f"{commit}{', with changes' if facts.get('git_dirty') else ''}" if commit else "",
        "profile": facts.get("profile", ""),
    }


def _facts(facts: Mapping[str, Any]) -> Table:
    rows = table("", "", whole=[""])
    rows.show_header = False
    rows.columns[1].no_wrap = False
    for name, value in facts.items():
        if value not in (None, "", {}, [], ()):
            rows.add_row(Text(f"  {name}", "dim"), brief(value))
    return rows


def _section(title: str, values: Mapping[str, Any]) -> list[RenderableType]:
    shown = {name: value for name, value in values.items() if value not in (None, "", {}, [], ())}
    return [Text(), Text(title, "dim"), _facts(shown)] if shown else []


def _ports(title: str, ports: Ports) -> list[RenderableType]:
    found = [(port, artifact) for port, artifacts in ports.items() for artifact in artifacts]
    if not found:
        return []
    rows = table("", "", "", whole=[""])
    rows.show_header = False
    rows.columns[2].no_wrap = False
    for port, artifact in found:
        rows.add_row(
            Text(f"  {port}", "dim"), f"{artifact.type_name} {artifact.id}", short_path(artifact.uri)
        )
    return [Text(), Text(title, "dim"), rows]
