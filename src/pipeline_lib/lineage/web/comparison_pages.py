"""Two models side by side; a run stands for the model it made."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from pipeline_lib.errors import UnknownSubjectError
from pipeline_lib.lineage.models.difference import diff
from pipeline_lib.lineage.models.explanation import Explanation, explain
from pipeline_lib.lineage.queries.graph import Bounds
from pipeline_lib.lineage.queries.subjects import Subject
from pipeline_lib.lineage.web.presentation import page
from pipeline_lib.lineage.web.visitor import CurrentVisitor, Visitor
from pipeline_lib.metadata.records import RecordQuery, Slice

router = APIRouter()

_BOUNDS = Bounds(depth=50, artifacts=2_000)

Text = Annotated[str, Query(max_length=500)]


@router.get("/compare")
def show_comparison(
    request: Request, visitor: CurrentVisitor, before: Text = "", after: Text = ""
) -> HTMLResponse:
    """What differs between two models."""
    sides = [_explained(visitor, text.strip()) for text in (before, after) if text.strip()]
    found = diff(*sides) if len(sides) == 2 else None
    return page(request, "compare.html", visitor, before=before, after=after, found=found, sides=sides)


def _explained(visitor: Visitor, text: str) -> Explanation:
    return explain(visitor.store, _subject(visitor, text), bounds=_BOUNDS)


def _subject(visitor: Visitor, text: str) -> Subject:
    if visitor.store.run(text) is None:
        return Subject.parsed(text)
    made = visitor.store.list_artifacts(RecordQuery(type_name="Model", run_id=text), Slice(limit=1))
    if not made:
        raise UnknownSubjectError(
            f"run {text} made no model", fix="a run that took its model from the cache: name the model itself"
        )
    return Subject(artifact=made[0].id)
