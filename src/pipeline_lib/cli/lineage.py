"""`pipeline lineage`: where a model comes from, and what came of a file, a span, an artifact."""

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline_lib.cli import lineage_files
from pipeline_lib.cli.console import show
from pipeline_lib.cli.lineage_files import Depth
from pipeline_lib.cli.opening import opened_store
from pipeline_lib.cli.options import AsJson, ProfileName

app = typer.Typer(no_args_is_help=True, help="Where a model comes from, and what came of a file or span.")

Model = Annotated[
    str | None,
    typer.Argument(metavar="[MODEL]", help="A model's id, or the version it was pushed as."),
]
At = Annotated[
    str | None, typer.Option(metavar="TIME", help="Instead: the version that was newest then, ISO 8601.")
]
Target = Annotated[
    str | None, typer.Option(metavar="NAME", help="The served model's name, where several are pushed.")
]
Limit = Annotated[int, typer.Option(min=1, max=500, help="At most so many.")]
Cursor = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Go on where a page ended: it is printed there.")
]


@app.command()
def explain(
    model: Model = None,
    at: At = None,
    target: Target = None,
    depth: Depth = 50,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Explain a model: data, code, parameters, metrics, verdict, approval, pushes."""
    from pipeline_lib import lineage
    from pipeline_lib.cli.lineage_views import explanation_view

    with opened_store(profile, as_json=as_json) as store:
        subject = lineage.Subject.parsed(model, at=at, target=target)
        found = lineage.explain(store, subject, bounds=lineage.Bounds(depth=depth))
    show(asdict(found), as_json=as_json, render=lambda: explanation_view(found))


@app.command()
def impact(
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="artifact:ID, file:NAME, file:SHA256, span:DAY or column:NAME."),
    ],
    depth: Depth = 50,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show which models something reached, and which of them were pushed."""
    from pipeline_lib import lineage
    from pipeline_lib.cli.lineage_views import impact_view

    with opened_store(profile, as_json=as_json) as store:
        found = lineage.impact(store, what, bounds=lineage.Bounds(depth=depth))
    show(asdict(found), as_json=as_json, render=lambda: impact_view(found))


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A model's id or version.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Another one's.")],
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two models."""
    from pipeline_lib import lineage
    from pipeline_lib.cli.lineage_views import difference_view

    with opened_store(profile, as_json=as_json) as store:
        first, second = (lineage.explain(store, lineage.Subject.parsed(text)) for text in (before, after))
    found = lineage.diff(first, second)
    show(asdict(found), as_json=as_json, render=lambda: difference_view(found))


@app.command()
def timeline(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[TARGET]", help="A base path that servers poll, or its last part."),
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show what was live when, newest first; without a target, what every target serves now."""
    from pipeline_lib import lineage
    from pipeline_lib.cli.lineage_lists import live_view, timeline_view

    with opened_store(profile, as_json=as_json) as store:
        if target is None:
            live = lineage.live_now(store, *lineage.targets(store))
            show([asdict(change) for change in live], as_json=as_json, render=lambda: live_view(live))
            return
        found = lineage.timeline(store, target, page=lineage.PageRequest(size=limit, cursor=cursor))
    show(asdict(found), as_json=as_json, render=lambda: timeline_view(found))


@app.command()
def search(
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUERY]...",
            help="TYPE, executions or runs; pipeline:, run:, node:, state:, span:, since:, until:;"
            " name=value, name>=number.",
        ),
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Search artifacts, executions or runs: `search Model pipeline:flight-delays since:2026-11-01`."""
    from pipeline_lib import lineage
    from pipeline_lib.cli.lineage_lists import hits_view

    with opened_store(profile, as_json=as_json) as store:
        wanted = lineage.SearchQuery.of_words(query or ())
        found = lineage.search(store, wanted, page=lineage.PageRequest(size=limit, cursor=cursor))
    show(asdict(found), as_json=as_json, render=lambda: hits_view(found))


app.command("graph")(lineage_files.graph)
app.command("export")(lineage_files.export)
