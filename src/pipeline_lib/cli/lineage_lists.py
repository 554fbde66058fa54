"""How pages of lineage look to people: timelines and search results."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from pipeline_lib.cli.console import styled, table
from pipeline_lib.cli.records import TIME
from pipeline_lib.lineage import Change, Hit, Page
from pipeline_lib.wording import plain

_DETAILS = 80


def timeline_view(found: Page[Change]) -> RenderableType:
    """Changes of a target, newest first."""
    rows = table(
        "live from (UTC)", "to", "version", "by", "model", "why", whole=["live from (UTC)", "version"]
    )
    for change in found.items:
        until = _time(change.live_until) if change.live_until else "now" if change.stable else ""
        who = f"{change.kind} by {change.user}" if change.user else change.kind
        rows.add_row(
            _time(change.live_at),
            until,
            Text(f"{change.version}{'' if change.stable else f' ({_beside(change)})'}"),
            Text(who),
            "" if change.model_id is None else str(change.model_id),
            Text(change.reason),
        )
    return _with_cursor(rows, found.next_cursor)


def live_view(live: Sequence[Change]) -> RenderableType:
    """What every target serves."""
    if not live:
        return Text("nothing was ever pushed")
    rows = table("target", "version", "model", "since (UTC)", "by", whole=["version", "model"])
    for change in live:
        version = f"{change.version}{'' if change.stable else f' ({_beside(change)})'}"
        model = "" if change.model_id is None else str(change.model_id)
        rows.add_row(Text(change.target), Text(version), model, _time(change.live_at), Text(change.kind))
    return rows


def hits_view(found: Page[Hit]) -> RenderableType:
    """What a search found."""
    if not found.items:
        return Text("nothing matches")
    rows = table("id", "what", "by", "state", "run", "made (UTC)", "details", whole=["id"], right=["id"])
    for hit in found.items:
        details = plain(dict(hit.details))
        rows.add_row(
            str(hit.id),
            Text(hit.type_name.rpartition(".")[2]),
            Text(f"{hit.pipeline}.{hit.name}" if hit.kind != "run" else hit.pipeline),
            styled(hit.state.lower().replace("_", " ")),
            Text(hit.run_id),
            _time(hit.made_at),
            Text(details if len(details) <= _DETAILS else f"{details[: _DETAILS - 1]}…"),
        )
    return _with_cursor(rows, found.next_cursor)


def _beside(change: Change) -> str:
    share = "" if change.traffic is None else f", {change.traffic:g} %"
    return f"{change.label}{share}"


def _with_cursor(rows: RenderableType, cursor: str | None) -> RenderableType:
    return rows if cursor is None else Group(rows, Text(), Text(f"more: --cursor {cursor}", "dim"))


def _time(time: datetime | None) -> str:
    return "" if time is None else f"{time:{TIME}}"
