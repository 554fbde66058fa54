"""`to_dag`: an Airflow DAG of a pipeline, from its plan alone."""

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, TriggerRule

from pipeline_lib.airflow.approval import ApproveNode
from pipeline_lib.airflow.assets import outlets
from pipeline_lib.airflow.forms import form
from pipeline_lib.airflow.notifying import deployed_profile, notifiers_for
from pipeline_lib.airflow.operators import FinishRun, ListIterations, NodeOperator, StartRun
from pipeline_lib.airflow.schedules import schedule_of
from pipeline_lib.airflow.translation import (
    FINISH,
    START,
    Deployment,
    check_translatable,
    loop_task,
    task_edges,
)
from pipeline_lib.dsl.approvals import Approval, with_approvals
from pipeline_lib.plan.models import Node, Plan, approval_id
from pipeline_lib.settings import Moment, Profile

if TYPE_CHECKING:
    from pipeline_lib.dsl.pipeline import Pipeline

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LAUNCH_MARGIN = timedelta(minutes=2)
_LONGEST_RETRY_DELAY = timedelta(minutes=10)


def to_dag(
    pipeline: "Pipeline[..., Any] | Plan",
    *,
    profile: str | None = None,
    project: Path | None = None,
    start_date: datetime | None = None,
    catchup: bool = False,
    max_active_runs: int = 1,
    approvals: Mapping[str, Approval] | None = None,
    **dag_options: Any,
) -> DAG:
    """The DAG of a pipeline: a task per node, first one that opens the run, last one that closes it.

    Args:
        pipeline: What `@pipeline` made, or its plan.
        profile: Name of the profile that the tasks open; by default `PIPELINE_PROFILE`, else `local`.
        project: Directory that holds `configs/` and that relative paths start from; by default the one in
            which Airflow was started.
        start_date: First day of the schedule; needed only for `catchup`.
        catchup: Run the days between `start_date` and now, too.
        max_active_runs: Runs at once. One keeps days in order, which windows and baselines look back on.
        approvals: Further nodes that need somebody's approval where this DAG runs, by id.
        dag_options: Further arguments of `airflow.sdk.DAG`.

    Raises:
        UntranslatableError: The plan holds something that the DAG could not honour.
        PlanReferenceError: There is no such node to approve of.
        NotifierError: The profile names a notifier that cannot be made.
        ValueError: `catchup` without `start_date`.
    """
    if catchup and start_date is None:
        raise ValueError("catchup needs a start_date: the first day to run")
    plan = pipeline if isinstance(pipeline, Plan) else pipeline.compile()
    plan = with_approvals(plan, approvals or {})
    check_translatable(plan)
    deployment = Deployment(plan=plan, profile=profile, project=project)
    settings = deployed_profile(profile, project)
    options = {
        "description": plan.description.partition("\n")[0] or None,
        "doc_md": plan.description or None,
        "tags": list(plan.tags),
        **dag_options,
        "on_failure_callback": _callbacks(dag_options, "on_failure_callback", deployment, settings),
        "on_success_callback": _callbacks(dag_options, "on_success_callback", deployment, settings),
    }
    with DAG(
        dag_id=plan.name,
        schedule=schedule_of(plan),
        start_date=start_date or _EARLIEST,
        catchup=catchup,
        max_active_runs=max_active_runs,
        params=form(plan),
        **options,
    ) as dag:
        _add_tasks(deployment, settings)
    dag.fileloc = _caller_file()
    return dag


def _callbacks(
    given: Mapping[str, Any], name: str, deployment: Deployment, settings: Profile
) -> list[Any] | None:
    """What a DAG's author wants called, and the profile's notifiers."""
    own = given.get(name) or []
    moment: Moment = "failure" if name == "on_failure_callback" else "success"
    told = notifiers_for(settings, moment, project=deployment.project)
    return [*(own if isinstance(own, list) else [own]), *told] or None


def _add_tasks(deployment: Deployment, settings: Profile) -> None:
    plan = deployment.plan
    tasks: dict[str, Any] = {
        START: StartRun(
            task_id=START,
            deployment=deployment,
            retries=2,
            retry_delay=timedelta(seconds=10),
            doc_md="Checks the parameters, tells the day, and opens the run in the metadata store.",
        )
    }
    for node in plan.nodes:
        loop = loop_task(node)
        if loop is not None and loop not in tasks:
            tasks[loop] = ListIterations(
                task_id=loop,
                node=node.id,
                trigger_rule=TriggerRule.NONE_FAILED,
                doc_md="Lists what the loop goes over.",
            )
        if (rule := node.options.approval) is not None:
            tasks[approval_id(node.id)] = ApproveNode(
                task_id=approval_id(node.id),
                node=node.id,
                rule=rule,
                notifiers=notifiers_for(settings, "approval", project=deployment.project),
                trigger_rule=TriggerRule.NONE_FAILED,
                # An answer within a second of the question can overtake Airflow's own bookkeeping.
                retries=2,
                retry_delay=timedelta(seconds=1),
                doc_md=f"Asks whether {node.id} may run, and records the answer.",
            )
        tasks[node.id] = _node_task(plan, node, tasks.get(loop or ""))
    tasks[FINISH] = FinishRun(
        task_id=FINISH,
        trigger_rule=TriggerRule.ALL_DONE,
        retries=2,
        retry_delay=timedelta(seconds=10),
        doc_md="Closes the run in the metadata store; fails if a task of the run did.",
    )
    for task_id, upstream in task_edges(plan).items():
        tasks[task_id].set_upstream([tasks[other] for other in sorted(upstream)])


def _node_task(plan: Plan, node: Node, iterations: BaseOperator | None) -> Any:
    arguments = {"task_id": node.id, "node": node.id, "outlets": outlets(plan, node), **_options(node)}
    if iterations is None:
        return NodeOperator(component=node.code.qualname, **arguments)
    mapped = NodeOperator.partial(**arguments, map_index_template="{{ task.item }}")
    return mapped.expand_kwargs(iterations.output)


def _options(node: Node) -> dict[str, Any]:
    """A node's options under Airflow's names; what is not set stays at the DAG's defaults."""
    options = node.options
    resources = {"cpus": options.cpus, "ram": options.memory_mb}
    timeout = options.timeout_seconds
    found = {
        "owner": options.owner,
        "pool": options.pool,
        "queue": options.queue,
        "priority_weight": options.priority,
        "executor_config": options.executor_config or None,
        "resources": resources if any(resources.values()) else None,
        # The launcher stops the child in time and says so; this is for a launcher that hangs.
        "execution_timeout": timedelta(seconds=timeout) + _LAUNCH_MARGIN if timeout else None,
        "doc_md": _documentation(node),
    }
    return {
        **{name: value for name, value in found.items() if value is not None},
        "retries": options.retries,
        "retry_delay": timedelta(seconds=options.retry_delay_seconds),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": _LONGEST_RETRY_DELAY,
        # A node runs unless something it needs failed; whether its condition holds it finds out itself.
        "trigger_rule": TriggerRule.ALL_DONE if node.exit_handler else TriggerRule.NONE_FAILED,
    }


def _documentation(node: Node) -> str:
    return f"{node.description}\n\n`{node.code}`".strip()


def _caller_file() -> str:
    """The DAG file: Airflow takes it from the frame that called `DAG`, which is in this module."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("pipeline_lib.airflow"):
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else __file__
