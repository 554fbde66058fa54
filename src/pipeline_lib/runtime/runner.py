"""The local runner: a plan's nodes on this machine, in parallel where the graph allows."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pipeline_lib.errors import PipelineError
from pipeline_lib.faults import reached
from pipeline_lib.metadata.records import NodeKey, Run, State
from pipeline_lib.plan.models import Node, Plan
from pipeline_lib.runtime.graph import graph
from pipeline_lib.runtime.launcher import Launcher
from pipeline_lib.runtime.preloading import preload_of
from pipeline_lib.runtime.results import (
    Event,
    NodeEnded,
    NodeResult,
    NodeStep,
    Observer,
    Outcome,
    RunResult,
    Step,
)
from pipeline_lib.runtime.scope import Scope, loop_scopes
from pipeline_lib.runtime.selection import Selection, reuse_outputs

_WARM_UP_AFTER_SECONDS = 0.1


@dataclass(slots=True)
class LocalResults:
    """Results of one run, kept in this process; one lock, because nodes end in threads."""

    _by_node: dict[str, dict[tuple[int, ...], NodeResult]] = field(default_factory=dict)
    _order: list[NodeResult] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, node: str, iteration: tuple[int, ...]) -> NodeResult | None:
        """The result of one node (one iteration), or None if it has not ended."""
        return self._by_node.get(node, {}).get(iteration)

    def iterations(self, node: str, prefix: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The iterations of a looped node inside those of the outer loops, in order."""
        return sorted(i for i in self._by_node.get(node, {}) if i[: len(prefix)] == prefix)

    def add(self, result: NodeResult) -> None:
        """Keep the result of a node that ended."""
        with self._lock:
            self._by_node.setdefault(result.key.node, {})[result.key.iteration] = result
            self._order.append(result)

    def of(self, node: str) -> list[NodeResult]:
        """All iterations of a node."""
        return list(self._by_node.get(node, {}).values())

    def in_order(self) -> tuple[NodeResult, ...]:
        """All results, in the order in which nodes ended."""
        return tuple(self._order)


class LocalRunner:
    """Runs one plan once.

    Args:
        plan: What to run.
        launcher: Bound to the run's context, store and executor.
        parameters: Run parameters, complete and checked (`pipeline_lib.runtime.parameters.bind`).
        selection: The nodes of a partial run; all by default.
        observe: Receives every event, from several threads.
    """

    def __init__(
        self,
        plan: Plan,
        launcher: Launcher,
        parameters: Mapping[str, Any],
        *,
        selection: Selection | None = None,
        observe: Observer = lambda _: None,
    ) -> None:
        self._plan = plan
        self._launcher = replace(launcher, observe=self._tell)
        self._selection = selection or Selection.everything(plan)
        self._observe = observe
        self._results = LocalResults()
        self._scope = Scope(plan=plan, parameters=parameters, results=self._results)
        self._edges = graph(plan)
        self._parameters = parameters
        self._warming = threading.Lock()  # taken once, by the first node that is executed

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._launcher.run.run_id

    def run(self) -> RunResult:
        """Run to the end; a failing node blocks what depends on it and lets the rest go on.

        Raises:
            KeyboardInterrupt: Ctrl-C; running nodes were canceled and recorded before it is raised.
        """
        started = time.perf_counter()
        context = self._launcher.run
        record = Run(
            pipeline=context.pipeline,
            run_id=context.run_id,
            state=State.RUNNING,
            span=context.span,
            parameters=self._parameters,
            facts={**context.facts, "plan_digest": self._plan.digest},
            started_at=datetime.now(UTC),
        )
        store = self._launcher.store
        store.register_types(self._plan.artifact_types)
        store.open_run(record)
        state = State.CANCELED
        try:
            reached("run-opened")
            self._run_nodes()
            failed = any(result.outcome.failed for result in self._results.in_order())
            state = State.FAILED if failed else State.COMPLETE
            reached("run-ended")
        finally:
            store.close_run(replace(record, state=state, ended_at=datetime.now(UTC)))
        reached("run-closed")
        return RunResult(
            pipeline=context.pipeline,
            run_id=context.run_id,
            state=state,
            span=context.span,
            seconds=time.perf_counter() - started,
            nodes=self._results.in_order(),
        )

    def _tell(self, event: Event) -> None:
        if (
            isinstance(event, NodeStep)
            and event.step is Step.EXECUTING
            and self._warming.acquire(blocking=False)
        ):
            # In the background, and after this node's own start: it scans the imports of all nodes to come.
            later = threading.Timer(_WARM_UP_AFTER_SECONDS, self._warm_up)
            later.daemon = True
            later.start()
        self._observe(event)

    def _warm_up(self) -> None:
        self._launcher.executor.warm_up(self._preload())

    def _preload(self) -> tuple[str, ...]:
        """Heavy modules of the nodes still to end, those of the first nodes first."""
        pending = [
            node
            for node in self._plan.nodes
            if node.id in self._selection.run and not self._results.of(node.id)
        ]
        return preload_of(pending, self._scope, self._launcher.profile)

    def _run_nodes(self) -> None:
        waiting = {node.id: node for node in self._plan.nodes}
        running: dict[Future[NodeResult], str] = {}
        open_iterations: dict[str, int] = {}
        with ThreadPoolExecutor(self._launcher.profile.parallelism, "node") as pool:
            try:
                while waiting or running:
                    ended = {n for n in self._edges if n not in waiting and not open_iterations.get(n)}
                    ready = [node for node in waiting.values() if self._edges[node.id] <= ended]
                    for node in ready:
                        del waiting[node.id]
                        futures = self._begin(node, pool)
                        open_iterations[node.id] = len(futures)
                        running.update(dict.fromkeys(futures, node.id))
                    if ready:
                        continue
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        open_iterations[running.pop(future)] -= 1
                        self._end(future.result())
            except BaseException:
                self._launcher.cancel.set()
                raise

    def _begin(self, node: Node, pool: ThreadPoolExecutor) -> list[Future[NodeResult]]:
        """Start a node's iterations; a node that is not to be launched ends at once."""
        if node.id not in self._selection.run:
            self._end(reuse_outputs(node, self._launcher, needed=node.id in self._selection.reuse))
            return []
        if not node.exit_handler and (reason := self._failed_upstream(node)):
            self._end(self._blocked(node, reason))
            return []
        try:
            scopes = loop_scopes(node, self._scope)
        except PipelineError as error:
            self._end(
                NodeResult(key=self._key(node), outcome=Outcome.FAILED, error=error, reason=error.summary)
            )
            return []
        return [pool.submit(self._launcher.launch, node, scope) for scope in scopes]

    def _end(self, result: NodeResult) -> None:
        self._results.add(result)
        self._observe(NodeEnded(result=result))

    def _failed_upstream(self, node: Node) -> str | None:
        """Why a node is blocked: what failed, however far before it."""
        for upstream in sorted(self._edges[node.id]):
            for result in self._results.of(upstream):
                if result.outcome.failed:
                    return result.reason if result.outcome is Outcome.BLOCKED else f"{upstream} failed"
        return None

    def _blocked(self, node: Node, reason: str) -> NodeResult:
        return NodeResult(key=self._key(node), outcome=Outcome.BLOCKED, reason=reason)

    def _key(self, node: Node) -> NodeKey:
        context = self._launcher.run
        return NodeKey(pipeline=context.pipeline, run_id=context.run_id, node=node.id)
