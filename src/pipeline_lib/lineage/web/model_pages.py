"""Models: the explanation of one, what something reached, and what was served when."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline_lib.lineage.models.explanation import explain_model
from pipeline_lib.lineage.queries.graph import Bounds
from pipeline_lib.lineage.queries.paging import PageRequest
from pipeline_lib.lineage.queries.reach import impact
from pipeline_lib.lineage.queries.search import SearchQuery, search
from pipeline_lib.lineage.queries.subjects import Subject, find_named, model_of
from pipeline_lib.lineage.queries.timeline import live_now, targets, timeline
from pipeline_lib.lineage.web.diagram import diagram_of_lineage
from pipeline_lib.lineage.web.model_story import judged_metrics, latest_parameters, story, told_of_models
from pipeline_lib.lineage.web.presentation import page
from pipeline_lib.lineage.web.visitor import CurrentVisitor
from pipeline_lib.metadata.records import RecordQuery

router = APIRouter()

_BOUNDS = Bounds(depth=50, artifacts=2_000)
_SIZE = 25
_CHANGES = 30
_TARGETS = 50

Text = Annotated[str, Query(max_length=2_000)]


@router.get("/models")
def list_models(
    request: Request, visitor: CurrentVisitor, pipeline: Text = "", cursor: Text = ""
) -> HTMLResponse:
    """Models, newest first, with verdict and pushes: two store calls a page."""
    query = SearchQuery(records=RecordQuery(type_name="Model", pipeline=pipeline or None))
    found = search(visitor.store, query, page=PageRequest(size=_SIZE, cursor=cursor or None))
    ids = [hit.id for hit in found.items]
    users = visitor.store.consumers(ids) if ids else []
    return page(request, "models.html", visitor, found=found, told=told_of_models(users))


@router.get("/models/{subject}")
def show_model(
    request: Request,
    visitor: CurrentVisitor,
    subject: Annotated[str, PathParameter(max_length=200)],
    target: Text = "",
) -> Response:
    """Everything about one model: by its id, or the version it was pushed as.

    Of a pushed model of which it is not recorded what was pushed, the page of what is.
    """
    named = find_named(visitor.store, Subject.parsed(subject, target=target or None))
    model = model_of(visitor.store, named)
    if model is None:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/artifacts/{named.id}", status_code=303)
    found = explain_model(visitor.store, model, bounds=_BOUNDS)
    return page(
        request,
        "model.html",
        visitor,
        found=found,
        story=story(found),
        judged=judged_metrics(found),
        parameters=latest_parameters(found),
        picture=diagram_of_lineage(found.lineage),
    )


@router.get("/impact")
def show_impact(request: Request, visitor: CurrentVisitor, of: Text = "") -> HTMLResponse:
    """Which models a file, a span or an artifact reached."""
    found = impact(visitor.store, of.strip(), bounds=_BOUNDS) if of.strip() else None
    picture = diagram_of_lineage(found.lineage) if found else None
    return page(request, "impact.html", visitor, of=of.strip(), found=found, picture=picture)


@router.get("/serving")
def show_serving(
    request: Request, visitor: CurrentVisitor, target: Text = "", cursor: Text = ""
) -> HTMLResponse:
    """What is served where, and everything that changed it."""
    known = targets(visitor.store)
    live = live_now(visitor.store, *known[:_TARGETS])
    chosen = target or (known[0] if len(known) == 1 else "")
    return page(
        request,
        "serving.html",
        visitor,
        served=[(name, [one for one in live if one.target == name]) for name in known[:_TARGETS]],
        more_targets=max(len(known) - _TARGETS, 0),
        target=chosen,
        changes=timeline(visitor.store, chosen, page=PageRequest(size=_CHANGES, cursor=cursor or None))
        if chosen
        else None,
    )
