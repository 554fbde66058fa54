"""`pipeline lineage graph` and `export`: a lineage as a picture, or in other tools' formats."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline_lib.cli.console import print_json, reported
from pipeline_lib.cli.opening import opened_store
from pipeline_lib.cli.options import AsJson, ProfileName
from pipeline_lib.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline_lib.lineage import Lineage

ArtifactId = Annotated[int, typer.Argument(metavar="ARTIFACT", min=1, help="An artifact's id.")]
Forward = Annotated[bool, typer.Option("--forward", help="What came of it, not where from.")]
Depth = Annotated[int, typer.Option(min=1, max=1_000, help="At most so many executions deep.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there instead of printing.")
]


def graph(
    artifact: ArtifactId,
    forward: Forward = False,
    form: Annotated[
        Literal["tree", "mermaid", "dot", "svg"],
        typer.Option("--format", help="Lines, a Mermaid flowchart, Graphviz text, or a picture."),
    ] = "tree",
    depth: Depth = 50,
    output: Output = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Draw where an artifact comes from, or what came of it."""
    from pipeline_lib.lineage import mermaid, tree
    from pipeline_lib.lineage.drawing.pictures import dot, svg

    drawn: dict[str, Callable[[Lineage], str]] = {
        "tree": lambda found: "\n".join(tree(found, forward=forward)) + "\n",
        "mermaid": lambda found: mermaid(found) + "\n",
        "dot": dot,
        "svg": svg,
    }
    found = _walk(artifact, forward=forward, depth=depth, profile=profile, as_json=as_json)
    if as_json:
        print_json(asdict(found))
    else:
        _put(drawn[form](found), output)


def export(
    artifact: ArtifactId,
    form: Annotated[
        Literal["openlineage", "prov"],
        typer.Option("--format", help="OpenLineage events, one a line, or W3C PROV-JSON."),
    ],
    forward: Forward = False,
    depth: Depth = 50,
    output: Output = None,
    profile: ProfileName = None,
) -> None:
    """Write where an artifact comes from, or what came of it, for other tools."""
    from pipeline_lib.lineage.export.openlineage_events import openlineage_events
    from pipeline_lib.lineage.export.prov_document import prov_json

    found = _walk(artifact, forward=forward, depth=depth, profile=profile, as_json=False)
    with reported():
        try:
            if form == "prov":
                text = _line(prov_json(found), indent=2)
            else:
                text = "".join(_line(event) for event in openlineage_events(found))
        except ImportError as error:
            raise ExportError(
                f"{form} needs a library that is not installed: {error.name}",
                fix="pip install 'pipeline-lib[audit]'",
            ) from error
    _put(text, output)


def _line(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent) + "\n"


def _walk(artifact: int, *, forward: bool, depth: int, profile: str | None, as_json: bool) -> "Lineage":
    from pipeline_lib import lineage
    from pipeline_lib.lineage.queries.subjects import find_artifact

    with opened_store(profile, as_json=as_json) as store:
        walk = lineage.downstream if forward else lineage.upstream
        return walk(store, [find_artifact(store, artifact)], bounds=lineage.Bounds(depth=depth))


def _put(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    with reported():
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ExportError(
                f"the file cannot be written: {error.strerror}", at=str(output), fix="name another file"
            ) from error
