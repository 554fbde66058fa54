"""The application: routes, security headers, and errors as pages."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from pipeline_lib.errors import (
    AmbiguousSubjectError,
    LineageQueryError,
    MetadataUnavailableError,
    MetadataVersionError,
    MissingPayloadError,
    NotAModelError,
    PipelineError,
    UnknownRecordError,
    UnknownSubjectError,
)
from pipeline_lib.lineage.web import artifact_pages, comparison_pages, model_pages, run_pages, search_pages
from pipeline_lib.lineage.web.presentation import bare_page, make_environment
from pipeline_lib.lineage.web.visitor import Admit

# No script but our own file, no style but our own file, nothing from other hosts, and nobody else's frame.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_STATIC = {"style.css": "text/css", "theme.js": "text/javascript", "icon.svg": "image/svg+xml"}
_STATUS: dict[type[PipelineError], int] = {
    UnknownSubjectError: 404,
    UnknownRecordError: 404,
    MissingPayloadError: 404,
    AmbiguousSubjectError: 400,
    LineageQueryError: 400,
    NotAModelError: 400,
    MetadataUnavailableError: 503,
    MetadataVersionError: 503,
}


def create_application(admit: Admit) -> FastAPI:
    """The pages.

    Args:
        admit: A dependency of every route. It puts a `Visitor` into `request.state.visitor`, or raises
            `HTTPException`.
    """
    application = FastAPI(
        title="Pipelines",
        dependencies=[Depends(admit)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    for module in (run_pages, artifact_pages, model_pages, comparison_pages, search_pages):
        application.include_router(module.router)
    dress(application)
    application.add_exception_handler(PipelineError, _told)
    application.add_exception_handler(HTTPException, _refused)
    application.add_exception_handler(RequestValidationError, _invalid)
    return application


def dress(application: FastAPI) -> None:
    """Give an application the templates, the style, and the headers of ours."""
    application.state.environment = make_environment()
    application.add_api_route("/static/{name}", _static, methods=["GET"])
    application.middleware("http")(_with_headers)


def _static(name: str) -> Response:
    if name not in _STATIC:
        raise HTTPException(404, "there is no such file")
    content = files("pipeline_lib.lineage.web").joinpath("static", name).read_bytes()
    return Response(content, media_type=_STATIC[name], headers={"Cache-Control": "private, max-age=3600"})


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _told(request: Request, error: Exception) -> HTMLResponse:
    """An error that says what to do, as a page."""
    if not isinstance(error, PipelineError):
        raise error
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    return _told_page(request, status, error.summary, fix=error.fix, code=error.code)


def _refused(request: Request, error: Exception) -> HTMLResponse:
    status, detail, headers = 500, "", None
    if isinstance(error, HTTPException):
        status, detail, headers = error.status_code, str(error.detail), error.headers
    told = _told_page(request, status, detail or "this cannot be shown")
    told.headers.update(headers or {})
    return told


def _invalid(request: Request, error: Exception) -> HTMLResponse:
    problems: list[dict[str, Any]] = list(error.errors()) if isinstance(error, RequestValidationError) else []
    named = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in problems)
    return _told_page(request, 422, f"the address cannot be read: {named}")


def _told_page(request: Request, status: int, summary: str, *, fix: str = "", code: str = "") -> HTMLResponse:
    told = {"summary": summary, "fix": fix, "code": code}
    return bare_page(request, "error.html", status=status, code_of_answer=status, **told)
