"""`to_dag`: an Airflow DAG of a pipeline, from its plan alone."""

import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, TriggerRule

from pipeline_lib.airflow.assets import outlets
from pipeline_lib.airflow.forms import form
from pipeline_lib.airflow.operators import FinishRun, ListIterations, NodeOperator, StartRun
from pipeline_lib.airflow.schedules import timetable
from pipeline_lib.airflow.translation import (
    FINISH,
    START,
    Deployment,
    check_translatable,
    loop_task,
    task_edges,
)
from pipeline_lib.plan.models import Node, Plan

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
        dag_options: Further arguments of `airflow.sdk.DAG`.

    Raises:
        UntranslatableError: The plan holds something that the DAG could not honour.
        ValueError: `catchup` without `start_date`.
    """
    if catchup and start_date is None:
        raise ValueError("catchup needs a start_date: the first day to run")
    plan = pipeline if isinstance(pipeline, Plan) else pipeline.compile()
    check_translatable(plan)
    options = {
        "description": plan.description.partition("\n")[0] or None,
        "doc_md": plan.description or None,
        "tags": list(plan.tags),
        **dag_options,
    }
    with DAG(
        dag_id=plan.name,
        schedule=timetable(plan.schedule),
        start_date=start_date or _EARLIEST,
        catchup=catchup,
        max_active_runs=max_active_runs,
        params=form(plan),
        **options,
    ) as dag:
        _add_tasks(Deployment(plan=plan, profile=profile, project=project))
    dag.fileloc = _caller_file()
    return dag


def _add_tasks(deployment: Deployment) -> None:
    plan = deployment.plan
    tasks: dict[str, Any] = {
        START: StartRun(
            task_id=START,
            deployment=deployment,
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
        return NodeOperator(**arguments)
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
