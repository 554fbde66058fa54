"""Artifacts: what they are, their reports, where they come from and what came of them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from pipeline_lib.lineage.queries.graph import Bounds, downstream, outputs_of, upstream
from pipeline_lib.lineage.queries.subjects import find_artifact, model_behind
from pipeline_lib.lineage.web.diagram import diagram_of_lineage
from pipeline_lib.lineage.web.presentation import page
from pipeline_lib.lineage.web.records import find_execution
from pipeline_lib.lineage.web.reports import listed_files, report_response, reports_among
from pipeline_lib.lineage.web.visitor import CurrentVisitor

router = APIRouter()

_USERS = 50
_DEPTH = 50
_ARTIFACTS = 2_000

Direction = Literal["up", "down"]
Depth = Annotated[int, Query(ge=1, le=_DEPTH)]


@router.get("/artifacts/{artifact_id}")
def show_artifact(request: Request, visitor: CurrentVisitor, artifact_id: int) -> HTMLResponse:
    """One artifact, with its report if it has one."""
    artifact = find_artifact(visitor.store, artifact_id)
    files = listed_files(visitor.artifacts, artifact)
    users = visitor.store.consumers([artifact.id], limit=_USERS + 1)
    makers = visitor.store.producers([artifact.id])
    return page(
        request,
        "artifact.html",
        visitor,
        artifact=artifact,
        files=files,
        reports=reports_among(files),
        makers=makers,
        model=artifact if artifact.type_name == "Model" else model_behind(makers),
        users=users[:_USERS],
        more_users=len(users) > _USERS,
    )


@router.get("/artifacts/{artifact_id}/reports/{path:path}")
def show_report(visitor: CurrentVisitor, artifact_id: int, path: str) -> Response:
    """A report itself, for the frame on the artifact's page."""
    return report_response(visitor.artifacts, find_artifact(visitor.store, artifact_id), path)


@router.get("/artifacts/{artifact_id}/lineage")
def show_lineage(
    request: Request,
    visitor: CurrentVisitor,
    artifact_id: int,
    direction: Direction = "up",
    depth: Depth = _DEPTH,
) -> HTMLResponse:
    """Where an artifact comes from, or what came of it: a diagram, and the same as tables."""
    artifact = find_artifact(visitor.store, artifact_id)
    bounds = Bounds(depth=depth, artifacts=_ARTIFACTS)
    walk = upstream if direction == "up" else downstream
    lineage = walk(visitor.store, [artifact], bounds=bounds)
    return page(
        request,
        "lineage.html",
        visitor,
        artifact=artifact,
        execution=None,
        direction=direction,
        depth=depth,
        lineage=lineage,
        picture=diagram_of_lineage(lineage),
    )


@router.get("/executions/{execution_id}/lineage")
def show_execution_lineage(request: Request, visitor: CurrentVisitor, execution_id: int) -> HTMLResponse:
    """Where everything that an execution put out comes from."""
    execution = find_execution(visitor.store, execution_id)
    lineage = upstream(
        visitor.store, outputs_of(execution), bounds=Bounds(depth=_DEPTH, artifacts=_ARTIFACTS)
    )
    return page(
        request,
        "lineage.html",
        visitor,
        artifact=None,
        execution=execution,
        direction="up",
        depth=_DEPTH,
        lineage=lineage,
        picture=diagram_of_lineage(lineage),
    )
