"""What a person wants to know when a run has ended: what came out, what failed and where to look."""

from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pipeline_lib.cli.console import duration, error_text, table
from pipeline_lib.metadata.records import State, StoredArtifact
from pipeline_lib.runtime.results import NodeResult, Outcome, RunResult

_TOLD = ("ExampleAnomalies", "ModelEvaluation", "ModelBlessing", "PushedModel")
_LOG_LINES = 12


def summarise(result: RunResult) -> RenderableType:
    """The end of a run: its outputs that matter, or its failures with the log's last lines."""
    parts: list[RenderableType] = [headline(result)]
    for node in result.nodes:
        if node.error is not None:
            parts += [Text(), error_text(node.error), *_log_tail(node)]
    told = _told(result)
    if told.row_count:
        parts += [Text(), told]
    return Group(*parts, Text())


def headline(result: RunResult) -> Text:
    """One line: the span, the state, the time, how many nodes ended how."""
    counts = {
        outcome: sum(node.outcome is outcome for node in result.nodes)
        for outcome in Outcome
        if outcome not in (Outcome.RESOLVED, Outcome.LEFT_OUT)
    }
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    style = "bold green" if result.state is State.COMPLETE else "bold red"
    return Text.assemble(
        f"{result.span}  " if result.span else "",
        (f"{result.state.lower()}", style),
        f" in {duration(result.seconds)}: {told or 'nothing to do'}   ",
        (f"pipeline show {result.run_id}", "dim"),
    )


def _told(result: RunResult) -> Any:
    rows = table("result", "says", "at")
    produced = {
        artifact.id: artifact
        for node in result.nodes
        for artifacts in node.outputs.values()
        for artifact in artifacts
        if artifact.type_name in _TOLD and node.outcome is not Outcome.RESOLVED
    }
    for artifact in produced.values():
        report = Path(artifact.uri) / "report.html"
        rows.add_row(
            artifact.type_name,
            _says(artifact),
            _short(report if "://" not in artifact.uri and report.exists() else Path(artifact.uri)),
        )
    return rows


def _says(artifact: StoredArtifact) -> Text:
    told = {
        name: value
        for name, value in artifact.properties.items()
        if value not in (None, "", [], {}) and not name.endswith(("_id", "_model", "_destination"))
    }
    text = Text(", ".join(f"{name} {_value(value)}" for name, value in told.items()))
    if told.get("blessed") is True or told.get("pushed") is True:
        text.stylize("green")
    elif told.get("blessed") is False or told.get("pushed") is False:
        text.stylize("yellow")
    return text


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return " ".join(f"{key}={_value(item)}" for key, item in value.items())
    return str(value)


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _log_tail(node: NodeResult) -> list[RenderableType]:
    if node.log is None or not node.log.exists():
        return []
    lines = node.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    return [Text(f"  log: {_short(node.log)}", "dim"), *(Text(f"    {line}", "dim") for line in lines)]
