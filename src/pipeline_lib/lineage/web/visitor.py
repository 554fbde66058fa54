"""Who asks, and what they may see: every page reads through a `Visitor`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from pipeline_lib.artifacts.store import ArtifactStore

if TYPE_CHECKING:
    from pipeline_lib.metadata.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """One request's view of the world.

    Attributes:
        store: Holds only what the visitor may read; see `VisibleStore`.
        artifacts: Where the files are.
        name: Of the user, for the page's foot; "" where nobody logs in.
    """

    store: "Store"
    artifacts: ArtifactStore
    name: str = ""


Admit = Callable[..., None]
"""A FastAPI dependency that puts a `Visitor` into `request.state.visitor`, or raises."""


def _admitted(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


CurrentVisitor = Annotated[Visitor, Depends(_admitted)]
