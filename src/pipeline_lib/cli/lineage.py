"""`pipeline lineage`: where a model comes from, and what came of a file, a span, an artifact."""

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline_lib.cli.console import reported, show
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.settings import load_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline_lib.metadata.store import Store

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
Depth = Annotated[int, typer.Option(min=1, max=1_000, help="At most so many executions deep.")]


@app.command()
def explain(
    model: Model = None,
    at: At = None,
    target: Target = None,
    depth: Depth = 50,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Explain a model: data, code, parameters, verdict, pushes."""
    from pipeline_lib import lineage
    from pipeline_lib.cli.lineage_views import explanation_view

    with _store(profile, as_json=as_json) as store:
        subject = lineage.Subject.parsed(model, at=at, target=target)
        found = lineage.explain(store, subject, bounds=lineage.Bounds(depth=depth))
    show(asdict(found), as_json=as_json, render=lambda: explanation_view(found))


@app.command()
def impact(
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="artifact:ID, file:NAME, file:SHA256 or span:DAY."),
    ],
    depth: Depth = 50,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show which models something reached, and which of them were pushed."""
    from pipeline_lib import lineage
    from pipeline_lib.cli.lineage_views import impact_view

    with _store(profile, as_json=as_json) as store:
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

    with _store(profile, as_json=as_json) as store:
        first, second = (lineage.explain(store, lineage.Subject.parsed(text)) for text in (before, after))
    found = lineage.diff(first, second)
    show(asdict(found), as_json=as_json, render=lambda: difference_view(found))


@app.command()
def graph(
    artifact: Annotated[int, typer.Argument(metavar="ARTIFACT", min=1, help="An artifact's id.")],
    forward: Annotated[bool, typer.Option("--forward", help="What came of it, not where from.")] = False,
    form: Annotated[
        Literal["tree", "mermaid"], typer.Option("--format", help="Lines, or a Mermaid flowchart.")
    ] = "tree",
    depth: Depth = 50,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Draw where an artifact comes from, or what came of it."""
    from rich.text import Text

    from pipeline_lib import lineage
    from pipeline_lib.lineage.subjects import find_artifact

    with _store(profile, as_json=as_json) as store:
        walk = lineage.downstream if forward else lineage.upstream
        found = walk(store, [find_artifact(store, artifact)], bounds=lineage.Bounds(depth=depth))
    text = lineage.mermaid(found) if form == "mermaid" else "\n".join(lineage.tree(found, forward=forward))
    show(asdict(found), as_json=as_json, render=lambda: Text(text))


@contextmanager
def _store(profile: str | None, *, as_json: bool) -> "Iterator[Store]":
    from pipeline_lib.metadata.mlmd import open_store

    with reported(as_json=as_json), open_store(load_profile(profile).metadata) as store:
        yield store
