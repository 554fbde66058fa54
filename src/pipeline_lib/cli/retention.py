"""`pipeline gc`, `pin` and `unpin`: which payloads may go, and which must stay."""

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from pipeline_lib.cli.console import reported, show, table
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.errors import RetentionError
from pipeline_lib.settings import load_profile
from pipeline_lib.wording import size

if TYPE_CHECKING:
    from pipeline_lib.lineage.retention.collection import Sweep
    from pipeline_lib.metadata.records import Run

_AGE = re.compile(r"(\d{1,6})([hdw])", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SHOWN = 30

Types = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Only of this type; repeat for more.")
]
ArtifactId = Annotated[int, typer.Argument(metavar="ARTIFACT", min=1, help="An artifact's id.")]


def collect_garbage(
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="AGE", help="Recorded so long ago: 12h, 30d, 8w.")
    ] = None,
    keep_last: Annotated[
        int | None, typer.Option("--keep-last", min=0, help="Keep the newest so many of each node's output.")
    ] = None,
    types: Types = None,
    pipeline: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this pipeline.")] = None,
    node: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this node.")] = None,
    served: Annotated[
        Literal["ever", "now"],
        typer.Option(help="Protect what models ever pushed were made from, or only what serves now."),
    ] = "ever",
    delete: Annotated[bool, typer.Option("--delete", help="Delete; without, only show.")] = False,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Remove old payloads; never those that a served or pinned model was made from.

    Records stay, as tombstones: explanations and audit reports go on to name what was there.
    """
    from pipeline_lib.lineage.retention import collection
    from pipeline_lib.runtime.session import open_session

    settings = load_profile(profile)
    root = settings.artifacts.resolved_root()
    with reported(as_json=as_json), open_session(settings) as session:
        policy = collection.Policy(
            older_than=None if older_than is None else _age(older_than),
            keep_last=keep_last,
            types=tuple(types or ()),
            pipeline=pipeline,
            node=node,
            served=served,
        )
        if delete:
            sweep = collection.collect(
                session.store, session.artifacts, policy, root=root, is_active=_is_active
            )
        else:
            sweep = collection.candidates(session.store, policy, root=root, now=datetime.now(UTC))
    show(
        {**asdict(sweep), "size_bytes": sweep.size_bytes, "dry_run": not delete},
        as_json=as_json,
        render=lambda: _view(sweep, delete=delete),
    )


def pin(artifact: ArtifactId, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Keep an artifact and all it was made from, whatever retention is asked for."""
    _set_pinned(artifact, profile, pinned=True, as_json=as_json)


def unpin(artifact: ArtifactId, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Leave an artifact to retention again."""
    _set_pinned(artifact, profile, pinned=False, as_json=as_json)


def _set_pinned(artifact: int, profile: str | None, *, pinned: bool, as_json: bool) -> None:
    from pipeline_lib.metadata.mlmd import open_store

    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        store.set_pinned(artifact, pinned=pinned)
    told = "is pinned" if pinned else "is not pinned any more"
    show(
        {"artifact": artifact, "pinned": pinned},
        as_json=as_json,
        render=lambda: Text(f"artifact {artifact} {told}"),
    )


def _is_active(run: "Run") -> bool:
    """Airflow's runs live in many processes, so that their own word counts."""
    from pipeline_lib.runtime.healing import is_alive

    return "airflow" in run.facts or "pid" not in run.facts or is_alive(run.facts)


def _age(text: str) -> timedelta:
    match = _AGE.fullmatch(text)
    if match is None:
        raise RetentionError(f"{text!r} is no age", needs="12h, 30d or 8w", fix="give hours, days or weeks")
    return int(match[1]) * _UNITS[match[2]]


def _view(sweep: "Sweep", *, delete: bool) -> RenderableType:
    if not sweep.candidates and not sweep.deleted and not sweep.waiting:
        return Text(f"nothing may go; {sweep.protected} artifacts are protected")
    rows = table("artifact", "size", "made (UTC)", "by", "", right=["size"], whole=["artifact"])
    deleted, waiting = set(sweep.deleted), set(sweep.waiting)
    for one in sweep.candidates[:_SHOWN]:
        state = "deleted" if one.id in deleted else "marked" if one.id in waiting or one.marked else ""
        made = f"{one.made_at:%Y-%m-%d %H:%M}"
        rows.add_row(one.name, size(one.size_bytes), made, Text(f"{one.pipeline}.{one.node}"), state)
    more = len(sweep.candidates) - _SHOWN
    told = [Text(f"and {more} more")] if more > 0 else []
    return Group(rows, *told, Text(), *(Text(line) for line in _summary(sweep, delete=delete)))


def _summary(sweep: "Sweep", *, delete: bool) -> list[str]:
    kept = f"{sweep.protected} artifacts are protected: served or pinned models were made from them"
    if not delete:
        return [
            f"{len(sweep.candidates)} artifacts, {size(sweep.size_bytes)}, may go; nothing was deleted",
            kept,
            "--delete removes their files and keeps their records",
        ]
    lines = [f"{len(sweep.deleted)} artifacts deleted", kept]
    if sweep.waiting:
        lines.append(
            f"{len(sweep.waiting)} are marked and go with the next `pipeline gc --delete`"
            f" once these runs have ended: {', '.join(sweep.runs)}"
        )
    return lines
