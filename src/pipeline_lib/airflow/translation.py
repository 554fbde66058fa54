"""What a plan becomes in Airflow, as plain data, and whether it can. Does not import Airflow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline_lib.errors import UntranslatableError
from pipeline_lib.plan.graph import dependencies
from pipeline_lib.plan.models import Node, Plan, approval_id
from pipeline_lib.runtime.graph import graph

START = "start_run"
FINISH = "finish_run"
_LONGEST_ID = 250
_ID = re.compile(r"[A-Za-z0-9_.-]+")
_UNSUPPORTED = {"@once", "@continuous"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A plan and where it runs; what the tasks of a DAG share.

    Attributes:
        profile: Name of a profile, None for the default.
        project: Directory that holds `configs/` and that relative paths start from; None: the directory in
            which Airflow was started.
    """

    plan: Plan
    profile: str | None = None
    project: Path | None = None


def loop_task(node: Node) -> str | None:
    """Id of the task that lists the iterations of a looped node; nodes in the same loops share it."""
    return f"each.{'.'.join(node.loops)}" if node.loops else None


def task_edges(plan: Plan) -> Mapping[str, frozenset[str]]:
    """Direct upstream tasks of every task: nodes, first and last task, and the tasks that list
    iterations or ask for approval.
    """
    edges: dict[str, frozenset[str]] = {START: frozenset()}
    nodes = graph(plan)
    for node in plan.nodes:
        upstream = nodes[node.id]
        if (loop := loop_task(node)) is not None:
            edges[loop] = _loop_sources(plan, node) or frozenset({START})
            upstream |= {loop}
        upstream = upstream or frozenset({START})
        if node.options.approval is not None:
            edges[approval_id(node.id)] = upstream
            upstream |= {approval_id(node.id)}
        edges[node.id] = upstream
    read = frozenset().union(*edges.values())
    edges[FINISH] = frozenset(edges) - read
    return edges


def check_translatable(plan: Plan) -> None:
    """Refuse what an Airflow DAG could not honour; nothing is dropped silently.

    Raises:
        UntranslatableError: It names the node, the parameter or the schedule.
    """
    _check_id(plan.name, "the pipeline's name", fix="use letters, digits, - _ and .")
    taken = {START, FINISH} | {loop for node in plan.nodes if (loop := loop_task(node))}
    for node in plan.nodes:
        _check_id(node.id, f"the id of node {node.id}", fix='give it another: .options(id="...")')
        if node.id in taken:
            raise UntranslatableError(
                f"node {node.id} has the id of a task that every DAG has",
                at=plan.name,
                fix='give it another: .options(id="...")',
            )
    if plan.schedule is None and not plan.triggers:
        return
    if plan.schedule in _UNSUPPORTED:
        raise UntranslatableError(
            f"{plan.name} has the schedule {plan.schedule}, which has no interval to take a day from",
            fix="use cron text or @hourly, @daily, @weekly, @monthly, @quarterly, @yearly",
        )
    for parameter in plan.parameters:
        if parameter.required and parameter.name != plan.span_parameter:
            raise UntranslatableError(
                f"{plan.name} runs by schedule, but nobody is there to give {parameter.name}",
                fix="give the parameter a default",
            )


def _loop_sources(plan: Plan, node: Node) -> frozenset[str]:
    """What the loops around a node are over, which decides how many iterations there are."""
    stripped = node.model_copy(update={"inputs": {}, "parameters": {}, "condition": None, "after": ()})
    others = [other for other in plan.nodes if other.id != node.id]
    return dependencies(plan.model_copy(update={"nodes": (*others, stripped)}))[node.id]


def _check_id(text: str, what: str, *, fix: str) -> None:
    if not _ID.fullmatch(text) or len(text) > _LONGEST_ID:
        raise UntranslatableError(
            f"{what} cannot be an id in Airflow",
            got=text,
            needs=f"letters, digits, - _ and ., at most {_LONGEST_ID} characters",
            fix=fix,
        )
