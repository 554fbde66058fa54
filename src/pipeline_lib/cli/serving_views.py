"""What is live, for people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from pipeline_lib.cli.console import short_path, table

if TYPE_CHECKING:
    from pipeline_lib.runtime.deployments import Deployment
    from pipeline_lib.serving.push.change import Change

_TIME = "%Y-%m-%d %H:%M:%S"


def status_view(models: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Models with their live version, and what is not as it should be."""
    if not models:
        return Text("no model was pushed yet")
    rows = table("model", "live", "since", "to go back to", "servers", whole=["model", "live"])
    notes: list[Text] = []
    for model in models:
        live = str(model["live"]) if model["live"] is not None else "none"
        rows.add_row(
            model["model"],
            Text(live, "green" if model["live"] is not None else "yellow"),
            _readable(model["live_at"]),
            str(model["previous"] or ""),
            "; ".join(_server(*one) for one in model["servers"].items()),
        )
        notes += _notes(model)
    return Group(rows, *notes)


def history_view(changes: "Sequence[Deployment]") -> RenderableType:
    """Changes of what is live, newest first."""
    if not changes:
        return Text("no push, rollback or promotion is recorded yet")
    rows = table("live since", "model", "version", "by", "instead of", "why", whole=["version"])
    for one in changes:
        share = f" {one.traffic:g} %" if one.traffic is not None else ""
        label = f" as {one.label}{share}" if one.label != "stable" else ""
        rows.add_row(
            one.live_at.strftime(f"{_TIME} UTC"),
            one.model_name,
            f"{one.version}{label}",
            f"{one.action} ({one.user or '?'}, execution {one.execution})",
            str(one.previous_version or ""),
            one.reason,
        )
    return rows


def change_view(change: "Change") -> RenderableType:
    """What a rollback or a promotion did, and how to undo it."""
    lines = [
        Text.assemble(
            f"{change.model_name}: version ",
            (str(change.version), "green"),
            f" is live again, in place of {change.previous_version}",
        )
    ]
    if change.golden_requests:
        lines.append(Text(f"{change.golden_requests} golden answers of every server are right", "dim"))
    if change.silent:
        lines.append(Text(f"no answer from {', '.join(change.silent)}", "yellow"))
    if change.healed:
        lines.append(Text(change.healed, "yellow"))
    if change.action == "rollback":
        undo = f"pipeline serving promote {change.model_name} {change.previous_version}"
        lines.append(
            Text(f"{change.previous_version} is not pushed again until `{undo}` or `unblock`", "dim")
        )
    return Group(*lines)


def _notes(model: Mapping[str, Any]) -> list[Text]:
    notes = [
        Text(
            f"{model['model']}: version {version} was rolled back by {block['user'] or 'somebody'}"
            f"{': ' + block['reason'] if block['reason'] else ''}; it is not pushed again until "
            f"`pipeline serving unblock {model['model']}`",
            "yellow",
        )
        for version, block in model["blocked"].items()
    ]
    if model["interrupted"]:
        begun = model["interrupted"]
        notes.append(
            Text(
                f"{model['model']}: a {begun['action']} of version {begun['version']} did not end; "
                "`pipeline serving heal` takes it back",
                "yellow",
            )
        )
    others = {label: version for label, version in model["labels"].items() if label != "stable"}
    notes += [
        Text(f"{model['model']}: {label} is version {version}", "dim") for label, version in others.items()
    ]
    notes.append(Text(short_path(model["serving_target"]), "dim"))
    return notes


def _server(address: str, told: Mapping[Any, str]) -> str:
    if "error" in told:
        return f"{address}: {told['error']}"
    return f"{address}: " + (", ".join(f"{v} {state}" for v, state in told.items()) or "does not know it")


def _readable(iso: str) -> str:
    return f"{iso[:19].replace('T', ' ')} UTC" if iso else ""
