"""Runs and executions."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.lineage.queries.graph import inputs_of
from pipeline_lib.lineage.web.diagram import diagram_of
from pipeline_lib.lineage.web.presentation import page
from pipeline_lib.lineage.web.records import find_execution
from pipeline_lib.lineage.web.visitor import CurrentVisitor
from pipeline_lib.metadata.records import StoredExecution

router = APIRouter()

_SHOWN = 500
# Facts that the page shows in places of their own, or that only programs need.
_TOLD_ELSEWHERE = {"airflow", "cache_parts", "error", "log", "pid", "pid_started", "run_span", "plan_digest"}


@router.get("/runs/{run_id:path}")
def show_run(request: Request, visitor: CurrentVisitor, run_id: str) -> HTMLResponse:
    """One run: its nodes as a diagram and as a table."""
    run = visitor.store.run(run_id)
    if run is None:
        raise UnknownRecordError(f"there is no run {run_id}", fix="choose one from the list of runs")
    executions = visitor.store.run_executions(run_id)
    return page(
        request,
        "run.html",
        visitor,
        run=run,
        executions=executions[:_SHOWN],
        left_out=max(len(executions) - _SHOWN, 0),
        picture=diagram_of(_latest_tries(executions)),
        airflow=run.facts.get("airflow"),
    )


@router.get("/executions/{execution_id}")
def show_execution(request: Request, visitor: CurrentVisitor, execution_id: int) -> HTMLResponse:
    """One try at a node: what it read, was given, and made."""
    found = find_execution(visitor.store, execution_id)
    return page(
        request,
        "execution.html",
        visitor,
        execution=found,
        error=_error(found.facts),
        cache=_cache_parts(found.facts),
        airflow=found.facts.get("airflow"),
        facts_shown={name: value for name, value in found.facts.items() if name not in _TOLD_ELSEWHERE},
    )


def _latest_tries(executions: Sequence[StoredExecution]) -> list[StoredExecution]:
    """Of several tries at a node the last one, in an order in which makers come before users."""
    latest = {str(execution.key): execution for execution in executions}
    return sorted(latest.values(), key=lambda execution: (bool(inputs_of(execution)), execution.id))


def _error(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    error = facts.get("error")
    return error if isinstance(error, Mapping) and {"code", "summary", "fix"} <= error.keys() else None


def _cache_parts(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    parts = facts.get("cache_parts")
    return parts if isinstance(parts, Mapping) else {}
