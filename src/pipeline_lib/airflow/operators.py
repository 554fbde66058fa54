"""The tasks of a pipeline's DAG: open the run, launch a node, list a loop's iterations, close the run."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from pipeline_lib.airflow.assets import announce
from pipeline_lib.airflow.late_data import tell_stale
from pipeline_lib.airflow.links import LINKS, pages_of
from pipeline_lib.airflow.runs import Context, close_run, open_run, task_run
from pipeline_lib.airflow.supervision import die_with_supervisor
from pipeline_lib.airflow.task_logs import ChildLog
from pipeline_lib.airflow.translation import START, Deployment
from pipeline_lib.airflow.waiting import DataArrived
from pipeline_lib.errors import DataMissingError, RunParameterError, SpanUnknownError
from pipeline_lib.plan.models import Node, Plan
from pipeline_lib.runtime.graph import descendants, graph
from pipeline_lib.runtime.healing import give_up_run
from pipeline_lib.runtime.preloading import preload_of
from pipeline_lib.runtime.results import Event, NodeResult, NodeStep, Outcome, Step
from pipeline_lib.runtime.scope import Scope, loop_scopes
from pipeline_lib.runtime.store_results import StoreResults

_BUSY = {"running", "restarting", "queued"}
_NOT_BY_REPEATING = (RunParameterError, SpanUnknownError)


class StartRun(BaseOperator):
    """Checks what the run was given, tells its day, and opens it in the metadata store.

    Args:
        deployment: Shared by all tasks of the DAG, which read it here.
    """

    ui_color = "#e8f0fe"

    def __init__(self, *, deployment: Deployment, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deployment = deployment

    def execute(self, context: Any) -> dict[str, Any]:
        """Open the run; its id, day and parameters are the task's XCom."""
        with task_run(self.deployment, context, new=True) as run:
            try:
                record = open_run(run, context)
            except _NOT_BY_REPEATING as error:
                raise AirflowFailException(str(error)) from None
        return {"run_id": record.run_id, "span": record.span, "parameters": dict(record.parameters)}


class _RunOperator(BaseOperator):
    """A task of an open run."""

    def _deployment(self, context: Context) -> Deployment:
        deployment: Deployment = context["dag"].get_task(START).deployment
        return deployment


class NodeOperator(_RunOperator):
    """Launches one node, or one iteration of a looped node, as the local runner does.

    Args:
        node: Id in the plan.
        iteration: Index in each loop around the node, outermost first.
        item: What the iteration is called in the UI.
        component: Name of the node's component, which the UI shows as the kind of task.

    Attributes:
        outcome: How it ended (`complete`, `cached`, ...), shown among the rendered fields.
        reason: Why it was executed or cached, likewise.
        store_run: Id of the run in the metadata store, likewise.
        execution: Id of the execution there, likewise.
        pages: Our pages about it, which its links lead to.
    """

    template_fields = ("node", "outcome", "reason", "store_run", "execution")
    overwrite_rtif_after_execution = True
    operator_extra_links = LINKS
    ui_color = "#e6f4ea"

    def __init__(
        self,
        *,
        node: str,
        iteration: Sequence[int] = (),
        item: str = "",
        component: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if component:
            self.custom_operator_name = component  # Airflow's name for it
        self.node = node
        self.iteration = iteration
        self.item = item
        self.outcome = ""
        self.reason = ""
        self.store_run = ""
        self.execution = ""
        self.pages: Mapping[str, str] = {}
        self._killed = False
        self._cancel: threading.Event | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Launch the node; its outcome and outputs are the task's XCom.

        Raises:
            AirflowSkipException: Its condition does not hold.
            AirflowFailException: It failed in a way that another try cannot mend.
            AirflowException: It failed.
            TaskDeferred: Its data is not there yet, and the pipeline waits for it.
        """
        return self._launch(context, until=None)

    def look_again(self, context: Any, event: dict[str, Any], until: str) -> dict[str, Any]:
        """Launch the node after its data was waited for; see `execute`.

        Args:
            context: The task's.
            event: Whether the data was seen.
            until: When the waiting ends, ISO 8601.
        """
        self.log.info("the data is %s", "there" if event.get("there") else "not there in time")
        return self._launch(context, until=datetime.fromisoformat(until))

    def _launch(self, context: Any, *, until: datetime | None) -> dict[str, Any]:
        die_with_supervisor()
        deployment = self._deployment(context)
        node = deployment.plan.node(self.node)
        self._cancel = cancel = threading.Event()
        if self._killed:
            cancel.set()
        with task_run(deployment, context) as run, ChildLog("pipeline.node") as log:
            if run.record is None and node.exit_handler:
                raise AirflowSkipException("the run never started")
            scope = _iteration_scope(node, run.results(), tuple(self.iteration))
            attempt = replace(run.context, attempt=context["ti"].try_number)
            launcher = run.session.launcher(attempt, cancel=cancel)

            def observe(event: Event) -> None:
                log.observe(event)
                if isinstance(event, NodeStep) and event.step is Step.EXECUTING:
                    # The host is on this machine for the tasks that follow, too.
                    behind = [deployment.plan.node(task) for task in _from_here(deployment.plan, node)]
                    launcher.executor.warm_up(preload_of(behind, scope, launcher.profile))

            result = replace(launcher, observe=observe, waits=False).launch(_tried_once(node), scope)
            self.pages = pages_of(run.session, result)
        self.outcome, self.reason = str(result.outcome), result.reason
        self.store_run, self.execution = result.key.run_id, str(result.execution_id or "")
        if isinstance(result.error, DataMissingError):
            self._wait(result.error, until)
        raise_unless_done(result)
        self.outlets = announce(deployment.plan, node, result, run.context.span, context["outlet_events"])
        return summary(result)

    def _wait(self, error: DataMissingError, until: datetime | None) -> None:
        """Give the worker slot back while the data is missing and there is time left."""
        now = datetime.now(UTC)
        deadline = until or now + timedelta(seconds=error.wait_seconds)
        if error.wait_seconds <= 0:
            return
        if now >= deadline:
            raise AirflowFailException(str(error))
        self.log.info("%s; waiting until %s", error.summary, f"{deadline:%Y-%m-%d %H:%M:%S} UTC")
        self.defer(
            trigger=DataArrived(
                awaits=error.awaits, poll_seconds=error.poll_seconds, until=deadline.isoformat()
            ),
            method_name="look_again",
            kwargs={"until": deadline.isoformat()},
        )

    def on_kill(self) -> None:
        """Have the child stopped. Airflow gives five seconds, then kills this process too."""
        self._killed = True
        if self._cancel is not None:
            # In a thread: the signal may have caught this one while it held the event's lock.
            threading.Thread(target=self._cancel.set, daemon=True).start()


class ListIterations(_RunOperator):
    """Lists the iterations of the loops around some nodes, which are mapped over it.

    Args:
        node: Id of one of these nodes.
    """

    ui_color = "#fef7e0"

    def __init__(self, *, node: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.node = node

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """Arguments of a `NodeOperator` for each iteration."""
        deployment = self._deployment(context)
        with task_run(deployment, context) as run:
            scopes = loop_scopes(deployment.plan.node(self.node), run.results().scope())
        return [{"iteration": list(scope.iteration), "item": _label(scope)} for scope in scopes]


class FinishRun(_RunOperator):
    """Closes the run in the metadata store, and fails if a task of it did, so that the DAG run does."""

    ui_color = "#e8f0fe"

    def execute(self, context: Any) -> dict[str, Any]:
        """Look at the states of the DAG run's tasks and record the end.

        Once all of them have ended, a try that is recorded as running is a leftover of one that was killed.

        Raises:
            AirflowFailException: A task failed, or the run never started.
        """
        ti = context["ti"]
        states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
        failed = sorted(task for task, state in states.items() if state == "failed")
        blocked = sorted(task for task, state in states.items() if state == "upstream_failed")
        with task_run(self._deployment(context), context) as run:
            # Not if somebody has cleared a task and this one, and they run at the same time.
            if not any(state in _BUSY for task, state in states.items() if task != ti.task_id):
                give_up_run(run.session.store, run.session.artifacts, run.context.run_id)
            close_run(run, failed=bool(failed or blocked))
            late = tell_stale(run) if run.record is not None else {}
        if failed or blocked:
            behind = f"; not run because of that: {', '.join(blocked)}" if blocked else ""
            raise AirflowFailException(f"failed: {', '.join(failed) or 'none'}{behind}")
        return {"run_id": run.context.run_id, "tasks": len(states), **late}


def _iteration_scope(node: Node, results: StoreResults, iteration: tuple[int, ...]) -> Scope:
    scopes = loop_scopes(node, results.scope())
    return next(scope for scope in scopes if scope.iteration == iteration)


def _from_here(plan: Plan, node: Node) -> list[str]:
    """The node and what follows it, in plan order."""
    reached = descendants({node.id}, graph(plan))
    return [other.id for other in plan.nodes if other.id in reached]


def _tried_once(node: Node) -> Node:
    """Retries are Airflow's here."""
    return node.model_copy(update={"options": node.options.model_copy(update={"retries": 0})})


def raise_unless_done(result: NodeResult) -> None:
    """How a node's end becomes its task's.

    Raises:
        AirflowSkipException: Its condition did not hold.
        AirflowFailException: It failed in a way that another try cannot mend.
        AirflowException: It failed.
    """
    if result.outcome is Outcome.SKIPPED:
        raise AirflowSkipException(result.reason)
    if result.error is not None:
        kind = AirflowException if getattr(result.error, "retryable", True) else AirflowFailException
        raise kind(str(result.error)) from None


def summary(result: NodeResult) -> dict[str, Any]:
    """What a task leaves for other tasks and for people, as plain JSON."""
    return {
        "outcome": str(result.outcome),
        "reason": result.reason,
        "run_id": result.key.run_id,
        "execution": result.execution_id,
        "outputs": {
            port: [{"id": a.id, "type": a.type_name, "uri": a.uri, "digest": a.digest} for a in artifacts]
            for port, artifacts in result.outputs.items()
        },
    }


def _label(scope: Scope) -> str:
    """The items themselves where they are plain and short, else their numbers."""
    parts = []
    for index, item in zip(scope.iteration, scope.items.values(), strict=True):
        plain = isinstance(item, str | int | float | bool)
        parts.append(str(item) if plain else json.dumps(index))
    return ", ".join(parts)[:100]
