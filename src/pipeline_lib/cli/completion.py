"""What a shell offers when Tab is pressed: pipelines, their nodes and parameters, runs, profiles.

A completion that fails offers nothing: an error would land in the middle of what is being typed.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline_lib.settings import load_profile

if TYPE_CHECKING:
    from pipeline_lib.plan.models import Plan

Offer = Callable[[typer.Context, str], list[str]]
_LATEST = 30


def _offers(find: Callable[[typer.Context], Iterable[str]]) -> Offer:
    @wraps(find)
    def offer(context: typer.Context, incomplete: str) -> list[str]:
        with suppress(Exception):
            return [found for found in find(context) if found.startswith(incomplete)]
        return []

    offer.__annotations__ = {"context": typer.Context, "incomplete": str, "return": list[str]}
    del offer.__wrapped__  # typer reads the signature of what it calls
    return offer


@_offers
def pipeline_names(context: typer.Context) -> Iterable[str]:
    """Names of the pipelines in the profile's import paths."""
    from pipeline_lib.cli.discovery import importable_pipelines

    found, _ = importable_pipelines(load_profile(context.params.get("profile")).import_paths)
    return [pipeline.name for pipeline in found]


@_offers
def node_names(context: typer.Context) -> Iterable[str]:
    """Nodes of the pipeline named on the line."""
    return [node.id for node in _plan(context).nodes]


@_offers
def forceable_names(context: typer.Context) -> Iterable[str]:
    """`all`, and the nodes that are components."""
    return ["all", *(node.id for node in _plan(context).nodes if node.kind == "component")]


@_offers
def approvable_names(context: typer.Context) -> Iterable[str]:
    """Nodes of the pipeline named on the line that need approval."""
    return [node.id for node in _plan(context).nodes if node.options.approval is not None]


@_offers
def parameter_names(context: typer.Context) -> Iterable[str]:
    """`name=` for each run parameter of the pipeline named on the line that is not given yet."""
    given = {text.partition("=")[0] for text in context.params.get("param") or ()}
    return [f"{parameter.name}=" for parameter in _plan(context).parameters if parameter.name not in given]


@_offers
def profile_names(context: typer.Context) -> Iterable[str]:
    """Files in configs/."""
    del context
    return sorted(file.stem for file in Path("configs").glob("*.yaml"))


@_offers
def run_ids(context: typer.Context) -> Iterable[str]:
    """The latest runs."""
    from pipeline_lib.metadata.mlmd import open_store

    with open_store(load_profile(context.params.get("profile")).metadata) as store:
        return [run.run_id for run in store.runs(None, limit=_LATEST)]


@_offers
def artifact_types(context: typer.Context) -> Iterable[str]:
    """The standard types."""
    del context
    from pipeline_lib.artifacts import standard
    from pipeline_lib.artifacts.artifact import Artifact

    return sorted(
        name
        for name, value in vars(standard).items()
        if isinstance(value, type) and issubclass(value, Artifact) and not name.startswith("_")
    )


def _plan(context: typer.Context) -> "Plan":
    from pipeline_lib.cli.discovery import find_pipeline

    profile = load_profile(context.params.get("profile"))
    # With an option that still lacks its value, the words before it are not yet told apart.
    name = context.params.get("name") or next(iter(context.args))
    return find_pipeline(name, profile.import_paths).compile()
