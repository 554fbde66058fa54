"""`pipeline run`: run a pipeline on this machine."""

import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from pipeline_lib.cli import completion
from pipeline_lib.cli.approving import CommandLineApprover, checked_names
from pipeline_lib.cli.console import EXIT_FAILED, EXIT_INTERRUPTED, draw, err, out, print_json, reported
from pipeline_lib.cli.discovery import find_pipeline
from pipeline_lib.cli.options import (
    AsJson,
    Parameters,
    PipelineName,
    ProfileName,
    date_range,
    parameter_texts,
)
from pipeline_lib.cli.progress import RunView
from pipeline_lib.cli.summary import headline, summarise
from pipeline_lib.errors import SelectionError
from pipeline_lib.metadata.records import State
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.parameters import bind, from_text
from pipeline_lib.runtime.results import RunInterrupted, RunResult
from pipeline_lib.runtime.selection import Selection, known_nodes
from pipeline_lib.runtime.session import Session, open_session
from pipeline_lib.settings import load_profile

View = Literal["json", "line", "table"]
Names = list[str] | None
Each = Annotated[
    str | None,
    typer.Option("--each", metavar="FIRST:LAST", help="Run once per day of the span parameter, in order."),
]
From = Annotated[
    Names,
    typer.Option(
        "--from",
        metavar="NODE",
        help="Only this node and what follows.",
        autocompletion=completion.node_names,
    ),
]
To = Annotated[
    Names,
    typer.Option("--to", metavar="NODE", help="Only up to this node.", autocompletion=completion.node_names),
]
Only = Annotated[
    Names,
    typer.Option("--only", metavar="NODE", help="Only this node.", autocompletion=completion.node_names),
]
Force = Annotated[
    Names,
    typer.Option(
        "--force",
        metavar="NODE",
        help="Execute although cached; `all` for all.",
        autocompletion=completion.forceable_names,
    ),
]
Verify = Annotated[
    Literal["size", "full"], typer.Option(help="Check of cached outputs: sizes, or hashes of all files.")
]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="RUN_ID",
        help="Go on with a run that was killed or failed, as it was given.",
        autocompletion=completion.run_ids,
    ),
]
Approve = Annotated[
    Names,
    typer.Option(
        "--approve",
        metavar="NODE",
        help="Approve of this node beforehand.",
        autocompletion=completion.approvable_names,
    ),
]
Reject = Annotated[
    Names,
    typer.Option(
        "--reject",
        metavar="NODE",
        help="Do not approve of this node.",
        autocompletion=completion.approvable_names,
    ),
]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why, for the record.")]
Cold = Annotated[bool, typer.Option("--cold", help="Do not use the warm executor host.")]


def run(
    name: PipelineName,
    param: Parameters = None,
    each: Each = None,
    start: From = None,
    stop: To = None,
    only: Only = None,
    force: Force = None,
    resume: Resume = None,
    verify: Verify = "size",
    approve: Approve = None,
    reject: Reject = None,
    comment: Comment = "",
    cold: Cold = False,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline here. Exit code 0: complete; 1: a node failed; 2: the request was wrong."""
    with reported(as_json=as_json):
        settings = load_profile(profile)
        plan = find_pipeline(name, settings.import_paths).compile()
        given = from_text(plan, parameter_texts(param))
        options = {
            "selection": Selection.of(plan, start=start or (), stop=stop or (), only=only or ()),
            "force": _forced(plan, force or []),
            "verify_full": verify == "full",
        }
        approver = _approver(plan, approve or [], reject or [], comment, asks=not as_json)
        if resume is not None:
            _require_alone(given=bool(param), each=each, force=force)
            given, options["resume"] = {}, resume
        sweep = [{}] if resume else [bind(plan, values) for values in _sweep(plan, given, each)]
        view: View = "json" if as_json else "line" if each else "table"
        with open_session(settings, cold=cold) as session:
            results: list[RunResult] = []
            for values in sweep:
                results.append(
                    _run_once(session, plan, values, view=view, approver=approver, options=options)
                )
                if results[-1].state is not State.COMPLETE:
                    break
    if as_json:
        print_json([_record(result) for result in results] if each else _record(results[-1]))
    if results[-1].state is not State.COMPLETE:
        raise typer.Exit(EXIT_FAILED)


def _require_alone(*, given: bool, each: str | None, force: Names) -> None:
    names = [name for name, there in (("--param", given), ("--each", each), ("--force", force)) if there]
    if names:
        raise SelectionError(
            f"--resume goes on with what a run was given; {', '.join(names)} would change it",
            fix="leave these out, or start a new run: what has not changed comes from the cache",
        )


def _forced(plan: Plan, names: list[str]) -> frozenset[str]:
    return frozenset({node.id for node in plan.nodes} if names == ["all"] else known_nodes(plan, names))


def _approver(
    plan: Plan, approve: list[str], reject: list[str], comment: str, *, asks: bool
) -> CommandLineApprover:
    approved, rejected = checked_names(plan, approve), checked_names(plan, reject)
    if both := approved & rejected:
        raise SelectionError(
            f"{min(both)} is both approved and rejected", fix="leave one of --approve and --reject out"
        )
    somebody = asks and sys.stdin.isatty() and out.is_terminal
    return CommandLineApprover(
        approved=approved,
        rejected=rejected,
        comment=comment,
        terminal=out if somebody else None,
        quiet=nullcontext,
    )


def _sweep(plan: Plan, given: dict[str, Any], each: str | None) -> list[dict[str, Any]]:
    if each is None:
        return [given]
    if plan.span_parameter is None:
        raise SelectionError(
            f"{plan.name} has no span parameter to run --each over", fix="give it a parameter of type date"
        )
    if plan.span_parameter in given:
        raise SelectionError(
            f"{plan.span_parameter} is given twice: by --each and by --param", fix="leave one of them out"
        )
    return [{**given, plan.span_parameter: day.isoformat()} for day in date_range(each)]


def _run_once(
    session: Session,
    plan: Plan,
    values: dict[str, Any],
    *,
    view: View,
    approver: CommandLineApprover,
    options: dict[str, Any],
) -> RunResult:
    span = f", {values[plan.span_parameter]}" if plan.span_parameter in values else ""
    try:
        if view == "table":
            with RunView(plan, out, title=f"{plan.name}{span}") as drawn:
                asking = replace(approver, quiet=drawn.paused)
                result = session.run(plan, values, approver=asking, observe=drawn, **options)
            draw(summarise(result))
            return result
        result = session.run(plan, values, approver=approver, **options)
    except RunInterrupted as interrupt:
        err.print("interrupted: running nodes are recorded as canceled")
        err.print(f"the same command goes on from the cache; --resume {interrupt.run_id} with the same run")
        sys.exit(EXIT_INTERRUPTED)
    if view == "line":
        draw(
            Text.assemble(headline(result), (f"   {result.run_id}", "dim"))
            if result.state is State.COMPLETE
            else summarise(result)
        )
    return result


def _record(result: RunResult) -> dict[str, Any]:
    return {
        "pipeline": result.pipeline,
        "run_id": result.run_id,
        "state": result.state,
        "span": result.span,
        "seconds": round(result.seconds, 3),
        "nodes": [
            {
                "node": str(node.key),
                "outcome": node.outcome,
                "reason": node.reason,
                "seconds": round(node.seconds, 3),
                "tries": node.tries,
                "execution_id": node.execution_id,
                "log": node.log,
                "error": node.error.as_json() if node.error is not None else None,
                "outputs": {port: [asdict(a) for a in found] for port, found in node.outputs.items()},
            }
            for node in result.nodes
        ],
    }
