"""What a person wants to know when a run has ended: what came out, what failed and where to look."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline_lib.cli.console import error_text, out, short_path, table
from pipeline_lib.metadata.records import State, StoredArtifact
from pipeline_lib.runtime.results import NodeResult, Outcome, RunResult
from pipeline_lib.wording import duration

_LOG_LINES = 12
_OF_PROCESSES = "PL42"
_MOST_REASONS = 4


def summarise(result: RunResult) -> RenderableType:
    """The end of a run: the outputs that matter and the model's metrics, or the failures with their logs."""
    parts: list[RenderableType] = [Text(), headline(result)]
    for node in result.nodes:
        if node.error is not None:
            parts += [Text(), *_failure(node)]
    made = list(_made(result))
    told = _told(made)
    if told.row_count:
        parts += [Text(), told]
    for artifact in made:
        if artifact.type_name == "ModelEvaluation" and artifact.properties.get("metrics"):
            parts += [Text(), _metrics(artifact.properties)]
    return Group(*parts, Text(), Text(f"pipeline show {result.run_id}", "dim"))


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
        f" in {duration(result.seconds)}: {told or 'nothing to do'}",
    )


def _made(result: RunResult) -> Iterator[StoredArtifact]:
    """What the run's components put out, cached or not, each once."""
    found = {
        artifact.id: artifact
        for node in result.nodes
        if node.outcome in (Outcome.COMPLETE, Outcome.CACHED)
        for artifacts in node.outputs.values()
        for artifact in artifacts
    }
    yield from found.values()


def _told(made: Sequence[StoredArtifact]) -> Table:
    rows = table("", "")
    rows.show_header = False
    for artifact in made:
        match artifact.type_name:
            case "ExampleAnomalies":
                _tell(rows, "anomalies", _anomalies(artifact.properties), _report(artifact))
            case "ModelEvaluation":
                _tell(rows, "evaluation", Text(), _report(artifact))
            case "ModelBlessing":
                _tell(rows, "blessing", _blessing(artifact), _verdict_place(artifact))
            case "PushedModel":
                place = artifact.properties.get("pushed_destination")
                _tell(rows, "push", _push(artifact.properties), short_path(place) if place else "")
    return rows


def _tell(rows: Table, label: str, says: Text, place: str) -> None:
    """A line of the table; the place goes below if there is no room beside it, so that it stays whole."""
    room = out.width - len("anomalies") - 4
    beside = "\n" not in says.plain and len(says) + len(place) + 3 <= room
    apart = "" if not says or not place else "   " if beside else "\n"
    rows.add_row(label, Text.assemble(says, apart, (place, "dim")))


def _anomalies(properties: Mapping[str, Any]) -> Text:
    found = [split for split, passed in (properties.get("blessed") or {}).items() if not passed]
    if found:
        return Text(f"in {', '.join(found)}", "yellow")
    return Text("none that are not waived", "green")


def _blessing(artifact: StoredArtifact) -> Text:
    if artifact.properties.get("blessed"):
        compared = artifact.properties.get("baseline_model_id")
        return Text("blessed" + ("" if compared else ", without a baseline"), "green")
    text = Text(f"not blessed: {str(artifact.properties.get('outcome')).replace('_', ' ')}", "yellow")
    reasons = _reasons(artifact)
    for reason in reasons[:_MOST_REASONS]:
        text.append(f"\n  {reason}", "default")
    if len(reasons) > _MOST_REASONS:
        text.append(f"\n  and {len(reasons) - _MOST_REASONS} more", "default")
    return text


def _reasons(artifact: StoredArtifact) -> list[str]:
    """The sentences of the blessing's `reasons.json`, if it is on this machine."""
    try:
        content = json.loads((Path(artifact.uri) / "reasons.json").read_text(encoding="utf-8"))
        return [str(reason["detail"]) for reason in content["reasons"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _push(properties: Mapping[str, Any]) -> Text:
    if properties.get("pushed"):
        return Text(f"version {properties.get('pushed_version')}", "green")
    return Text(f"not pushed: {properties.get('reason')}", "yellow")


def _metrics(properties: Mapping[str, Any]) -> Table:
    """The model's metrics over all rows, beside the baseline's."""
    ours, theirs = properties["metrics"], properties.get("baseline_metrics") or {}
    columns = ("metric", "this model", "baseline", "difference") if theirs else ("metric", "this model")
    rows = table(*columns, right=columns[1:])
    for name, value in ours.items():
        cells = [name, _number(value)]
        if theirs:
            other = theirs.get(name, math.nan)
            change = _number(value - other)
            cells += [_number(other), f"+{change}" if value > other else change]
        rows.add_row(*cells)
    return rows


def _number(value: float) -> str:
    """Four decimals, so that a column can be compared at a glance; counts and extremes without."""
    if not math.isfinite(value):
        return ""
    if value == int(value) and abs(value) != 1:
        return f"{value:.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"


def _report(artifact: StoredArtifact) -> str:
    report = Path(artifact.uri) / "report.html"
    return short_path(str(report) if "://" not in artifact.uri and report.exists() else artifact.uri)


def _verdict_place(artifact: StoredArtifact) -> str:
    if artifact.properties.get("blessed"):
        return short_path(artifact.uri)
    return short_path(f"{artifact.uri}/reasons.json")


def _failure(node: NodeResult) -> list[RenderableType]:
    """The node's error, and the last lines of its log."""
    error = node.error
    if error is None:
        return []
    head = Text.assemble(
        (str(node.key), "bold"), " failed" if node.tries < 2 else f" failed {node.tries} times"
    )
    parts: list[RenderableType] = [head, error_text(error)]
    if node.log is not None and node.log.exists():
        parts.append(Text(f"  log: {short_path(str(node.log))}", "dim"))
        if error.code.startswith(_OF_PROCESSES):  # others say themselves what is wrong
            lines = node.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
            parts += [Text(f"    {line}", "dim") for line in lines]
    return parts
