"""`pipeline stale`: what was made from data of which a newer version has come."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline_lib.cli import completion
from pipeline_lib.cli.console import reported, show, table
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.settings import load_profile

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pipeline_lib.lineage.queries.staleness import Staleness


def stale(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[PIPELINE]", help="Only its new versions.", autocompletion=completion.pipeline_names
        ),
    ] = None,
    span: Annotated[str | None, typer.Option(metavar="DAY", help="Only new versions of this span.")] = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """List what was made from an old version of late data, and which days to run again."""
    from pipeline_lib.lineage.queries import staleness
    from pipeline_lib.lineage.queries.sources import span_number
    from pipeline_lib.metadata.mlmd import open_store

    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        options: dict[str, Any] = {} if span is None else {"spans": (span_number(span), span_number(span))}
        found = staleness.stale(store, pipeline=name, **options)
    record = {**asdict(found), "run_again": found.run_again}
    show(record, as_json=as_json, render=lambda: _view(found))


def _view(found: "Staleness") -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from pipeline_lib.wording import span_text

    if not found.versions:
        return "no span has a newer version"
    versions = table("span", "made by", "was", "is now", whole=["span", "was", "is now"])
    for version in found.versions:
        old, new = (f"{artifact.type_name} {artifact.id}" for artifact in (version.old, version.new))
        versions.add_row(span_text(version.span), f"{version.old.pipeline}.{version.old.node}", old, new)
    if not found.artifacts:
        return Group(versions, Text("\nnothing is left that was made from the older ones", "dim"))
    rows = table("stale", "of", "made by", "from", whole=["stale", "of"])
    for one in found.artifacts:
        artifact = one.artifact
        rows.add_row(
            f"{artifact.type_name} {artifact.id}",
            one.run_span,
            f"{artifact.pipeline}.{artifact.node}",
            ", ".join(map(str, one.old)),
        )
    again = ", ".join(found.run_again) or "what made these"
    more = ["\nthere is more than was read"] if found.truncated else []
    return Group(versions, Text(), rows, Text(f"\nrun again: {again}", "bold"), *map(Text, more))
