"""The run in the metadata store that a DAG run stands for, opened in a task."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from pipeline_lib.airflow.schedules import span_of_run
from pipeline_lib.airflow.translation import START, Deployment
from pipeline_lib.metadata.records import Run, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.launcher import RunContext
from pipeline_lib.runtime.parameters import bind, span_of
from pipeline_lib.runtime.session import Session, new_context, open_session
from pipeline_lib.runtime.store_results import StoreResults
from pipeline_lib.settings import load_profile

Context = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """A task's view of its run: the open profile, the run's identity, what it was given.

    Attributes:
        record: The run as the store has it; None before the first task has opened it.
    """

    plan: Plan
    session: Session
    context: RunContext
    record: Run | None

    def results(self) -> StoreResults:
        """What nodes of this run have put out.

        Raises:
            AirflowFailException: The run was never opened.
        """
        if self.record is None:
            raise AirflowFailException(
                f"the run is not in the metadata store: clear {START} and what follows to open it"
            )
        return StoreResults(
            store=self.session.store,
            plan=self.plan,
            run_id=self.context.run_id,
            parameters=self.record.parameters,
        )


def deployment_of(context: Context) -> Deployment:
    """What the tasks of the DAG share; its first one holds it."""
    deployment: Deployment = context["dag"].get_task(START).deployment
    return deployment


@contextlib.contextmanager
def task_run(deployment: Deployment, context: Context, *, new: bool = False) -> Iterator[TaskRun]:
    """Open the deployment's profile for the DAG run of a task, in the project's directory.

    Args:
        deployment: Plan, profile and project.
        context: The task's.
        new: For the first task, which opens a run; the others read its id from that one.
    """
    with contextlib.chdir(deployment.project or Path.cwd()):
        profile = load_profile(deployment.profile)
        with open_session(profile) as session:
            run_id = _free_run_id(session.store, context) if new else _opened_run_id(context)
            record = session.store.run(run_id) if run_id else None
            fresh = new_context(deployment.plan, span=record.span if record else "", profile=profile)
            yield TaskRun(
                plan=deployment.plan,
                session=session,
                context=replace(
                    fresh, run_id=run_id, resumed=True, facts={**fresh.facts, "airflow": facts_of(context)}
                ),
                record=record,
            )


def _free_run_id(store: Store, context: Context) -> str:
    """Airflow's id with the DAG's before it; once the DAG run is cleared as a whole, with a number behind.

    A cleared DAG run must look at its data anew, and what is complete in a run of the store stays so.
    """
    run = context["dag_run"]
    first = run_id = f"{run.dag_id}.{run.run_id}"
    for number in itertools.count(2):
        if store.run(run_id) is None:
            break
        run_id = f"{first}.{number}"
    return run_id


def _opened_run_id(context: Context) -> str:
    opened = context["ti"].xcom_pull(task_ids=START)
    return str(opened["run_id"]) if opened else ""


def facts_of(context: Context) -> dict[str, Any]:
    """What an execution records of the task that launched it, as plain JSON."""
    ti = context["ti"]
    return {
        "dag": ti.dag_id,
        "run": ti.run_id,
        "task": ti.task_id,
        "map_index": ti.map_index,
        "try": ti.try_number,
        "url": ti.log_url,
        "trigger": str(getattr(context["dag_run"].run_type, "value", context["dag_run"].run_type)),
    }


def open_run(run: TaskRun, context: Context) -> Run:
    """Check what the DAG run was given and record that it starts.

    Raises:
        RunParameterError: A parameter is unknown or wrong.
        SpanUnknownError: No day was given, and none can be told from the DAG run.
    """
    plan = run.plan
    given = dict(context["params"])
    if plan.span_parameter and given.get(plan.span_parameter) is None:
        given[plan.span_parameter] = span_of_run(plan, context)
    parameters = bind(plan, given)
    record = Run(
        pipeline=plan.name,
        run_id=run.context.run_id,
        state=State.RUNNING,
        span=span_of(plan, parameters),
        parameters=parameters,
        facts=run.context.facts,
        started_at=datetime.now(UTC),
    )
    run.session.store.register_types(plan.artifact_types)
    run.session.store.open_run(record)
    return record


def close_run(run: TaskRun, *, failed: bool) -> None:
    """Record how the run ended."""
    if run.record is not None:
        state = State.FAILED if failed else State.COMPLETE
        run.session.store.close_run(replace(run.record, state=state, ended_at=datetime.now(UTC)))
