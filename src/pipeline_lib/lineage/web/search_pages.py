"""The front page, lists, and search: each a page of `pipeline_lib.lineage.queries.search` or the timeline."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline_lib.errors import AmbiguousSubjectError, LineageQueryError, NotAModelError, UnknownSubjectError
from pipeline_lib.lineage.queries.paging import Page, PageRequest
from pipeline_lib.lineage.queries.search import Hit, Kind, SearchQuery, search
from pipeline_lib.lineage.queries.subjects import Subject, find_named, model_of
from pipeline_lib.lineage.queries.timeline import live_now, targets
from pipeline_lib.lineage.web.presentation import page, query_of, segment
from pipeline_lib.lineage.web.visitor import CurrentVisitor, Visitor
from pipeline_lib.metadata.records import ArtifactState, RecordQuery, State

router = APIRouter()

_SIZE = 30
_FEW = 8
_TARGETS = 12

Text = Annotated[str, Query(max_length=2_000)]
Cursor = Annotated[str, Query(max_length=2_000)]


@router.get("/")
def show_front(request: Request, visitor: CurrentVisitor) -> HTMLResponse:
    """What serves, what ran last."""
    known = targets(visitor.store)
    return page(
        request,
        "front.html",
        visitor,
        served=live_now(visitor.store, *known[:_TARGETS]),
        more_targets=len(known) > _TARGETS,
        runs=_listed(visitor, "run", RecordQuery(), size=_FEW).items,
        models=_listed(visitor, "artifact", RecordQuery(type_name="Model"), size=_FEW).items,
    )


@router.get("/runs")
def list_runs(
    request: Request,
    visitor: CurrentVisitor,
    pipeline: Text = "",
    state: Text = "",
    span: Text = "",
    cursor: Cursor = "",
) -> HTMLResponse:
    """Runs, newest first."""
    query = RecordQuery(pipeline=pipeline or None, state=state.upper() or None, run_span=span or None)
    found = _listed(visitor, "run", query, cursor=cursor)
    return page(request, "runs.html", visitor, found=found, states=[one.value for one in State])


@router.get("/artifacts")
def list_artifacts(
    request: Request,
    visitor: CurrentVisitor,
    type: Text = "",  # noqa: A002  (what people read in the address)
    pipeline: Text = "",
    node: Text = "",
    state: Text = "",
    cursor: Cursor = "",
) -> HTMLResponse:
    """Artifacts, newest first."""
    query = RecordQuery(
        type_name=type or None, pipeline=pipeline or None, node=node or None, state=state.upper() or None
    )
    found = _listed(visitor, "artifact", query, cursor=cursor)
    return page(request, "artifacts.html", visitor, found=found, states=[one.value for one in ArtifactState])


@router.get("/search")
def show_search(request: Request, visitor: CurrentVisitor, q: Text = "", cursor: Cursor = "") -> Response:
    """What a query finds; a run's id, or a model's id or version, leads straight to its page."""
    text = q.strip()
    if text and not cursor and (place := _place_of(visitor, text)):
        return RedirectResponse(f"{request.scope.get('root_path', '')}{place}", status_code=303)
    problem = ""
    found: Page[Hit] = Page(items=())
    if text:
        try:
            found = search(visitor.store, SearchQuery.parsed(text), page=_request(cursor))
        except LineageQueryError as error:
            problem = (
                f"{error.summary}; it takes {error.facts['needs']}"
                if "needs" in error.facts
                else error.summary
            )
    return page(request, "search.html", visitor, found=found, text=text, problem=problem)


def _listed(
    visitor: Visitor, kind: Kind, query: RecordQuery, *, cursor: str = "", size: int = _SIZE
) -> Page[Hit]:
    return search(
        visitor.store,
        SearchQuery(kind=kind, records=query),
        page=PageRequest(size=size, cursor=cursor or None),
    )


def _request(cursor: str) -> PageRequest:
    return PageRequest(size=_SIZE, cursor=cursor or None)


def _place_of(visitor: Visitor, text: str) -> str:
    """The page of what a text names by itself, or ""."""
    if visitor.store.run(text) is not None:
        return f"/runs/{segment(text)}"
    kind, colon, rest = text.rpartition(":")
    if kind not in ("", "artifact", "version", "model", "execution") or not (
        rest.isascii() and rest.isdecimal()
    ):
        return f"/impact{query_of({'of': text})}" if kind in ("file", "span") and colon else ""
    if kind == "execution":
        return f"/executions/{rest}"
    with suppress(UnknownSubjectError, NotAModelError, AmbiguousSubjectError):
        subject = Subject.parsed(text if kind == "version" else rest)
        named = find_named(visitor.store, subject)
        model = model_of(visitor.store, named)
        return f"/models/{model.id}" if model is not None else f"/artifacts/{named.id}"
    return f"/artifacts/{rest}" if kind != "version" else ""
