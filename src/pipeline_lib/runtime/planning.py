"""`pipeline plan`: what a run would do and why, found out without executing anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline_lib import caching
from pipeline_lib.errors import DataMissingError, PipelineError
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.models import Node, Plan
from pipeline_lib.runtime.graph import graph
from pipeline_lib.runtime.launcher import Launcher
from pipeline_lib.runtime.preparation import prepare
from pipeline_lib.runtime.resolution import resolve_node
from pipeline_lib.runtime.results import NodeResult, Outcome
from pipeline_lib.runtime.runner import LocalResults
from pipeline_lib.runtime.scope import Scope, loop_scopes
from pipeline_lib.wording import duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What would become of a node.

    Attributes:
        verdict: `hit`, `miss`, `pending` (depends on what a missed node puts out, or on data to come),
            `resolved`, `skipped` or `error`.
        reason: Why; for a miss down to the file, the parameter or the input.
        detail: More lines of the reason.
        changes: For a miss, each part of the key that differs from the nearest earlier execution's.
    """

    key: NodeKey
    verdict: str
    reason: str
    detail: tuple[str, ...] = ()
    changes: tuple[caching.Change, ...] = ()


class _PendingError(Exception):
    """A value depends on a node that would be executed."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.node = node


class _KnownResults(LocalResults):
    """Results of hits; asking for those of a node that would be executed raises."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: set[str] = set()

    def get(self, node: str, iteration: tuple[int, ...]) -> NodeResult | None:
        """As `LocalResults.get`, for nodes that are settled."""
        if node in self.pending:
            raise _PendingError(node)
        return super().get(node, iteration)

    def iterations(self, node: str, prefix: tuple[int, ...]) -> list[tuple[int, ...]]:
        """As `LocalResults.iterations`, for nodes that are settled."""
        if node in self.pending:
            raise _PendingError(node)
        return super().iterations(node, prefix)


class Planner:
    """Forecasts one run. Resolvers are asked, drivers are called; no component is executed."""

    def __init__(self, plan: Plan, launcher: Launcher, parameters: Mapping[str, Any]) -> None:
        self._plan = plan
        self._launcher = launcher
        self._results = _KnownResults()
        self._scope = Scope(plan=plan, parameters=parameters, results=self._results)
        self._edges = graph(plan)

    def forecast(self) -> list[Forecast]:
        """One forecast per node (per iteration), in plan order."""
        forecasts = []
        for node in self._plan.nodes:
            found = self._node(node)
            if any(item.verdict in ("miss", "pending", "error") for item in found):
                self._results.pending.add(node.id)
            forecasts.extend(found)
        return forecasts

    def _node(self, node: Node) -> list[Forecast]:
        key = self._key(node, ())
        try:
            scopes = loop_scopes(node, self._scope)
        except _PendingError as pending:
            return [_waits_for(key, pending)]
        return [self._iteration(node, scope) for scope in scopes]

    def _iteration(self, node: Node, scope: Scope) -> Forecast:
        key = self._key(node, scope.iteration)
        try:
            for upstream in node.after:
                if upstream in self._results.pending:
                    raise _PendingError(upstream)
            if node.condition is not None and not scope.evaluate(node.condition):
                self._results.add(NodeResult(key=key, outcome=Outcome.SKIPPED))
                return Forecast(key=key, verdict="skipped", reason="its condition does not hold")
            return self._decide(node, key, scope)
        except _PendingError as pending:
            return _waits_for(key, pending)
        except DataMissingError as error:
            return _not_there(key, error)
        except PipelineError as error:
            return Forecast(key=key, verdict="error", reason=error.summary, detail=(f"fix: {error.fix}",))

    def _decide(self, node: Node, key: NodeKey, scope: Scope) -> Forecast:
        launcher = self._launcher
        profile = launcher.profile
        if node.kind == "resolver":
            result = resolve_node(node, key, scope, launcher.store, launcher.run.span, profile.import_paths)
            self._results.add(result)
            return Forecast(key=key, verdict="resolved", reason=result.reason)
        if node.kind == "importer":
            return Forecast(key=key, verdict="miss", reason="imports are recorded in each run")
        prepared = prepare(node, key, scope, profile)
        found = caching.find(
            launcher.store,
            launcher.artifacts,
            prepared.parts,
            node.options.cache,
            pipeline=launcher.run.pipeline,
            node=node.id,
            now=datetime.now(UTC),
            force=node.id in launcher.run.force,
            verify_full=launcher.run.verify_full,
            inputs=prepared.inputs,
            record_damage=False,
        )
        if isinstance(found, caching.Hit):
            self._results.add(NodeResult(key=key, outcome=Outcome.CACHED, outputs=found.outputs))
            origin = found.execution.facts.get("cached_from", found.execution.id)
            return Forecast(key=key, verdict="hit", reason=f"as in execution {origin}")
        headline, *detail = caching.describe(found.reason).splitlines()
        further = tuple(line.strip() for line in detail)
        return Forecast(key=key, verdict="miss", reason=headline, detail=further, changes=found.reason.detail)

    def _key(self, node: Node, iteration: tuple[int, ...]) -> NodeKey:
        run = self._launcher.run
        return NodeKey(pipeline=run.pipeline, run_id=run.run_id, node=node.id, iteration=iteration)


def _waits_for(key: NodeKey, pending: _PendingError) -> Forecast:
    return Forecast(key=key, verdict="pending", reason=f"depends on what {pending.node} puts out")


def _not_there(key: NodeKey, error: DataMissingError) -> Forecast:
    """Planning never waits: it says that a run would."""
    if not error.wait_seconds:
        return Forecast(key=key, verdict="error", reason=error.summary, detail=(f"fix: {error.fix}",))
    reason = f"{error.summary}; a run waits for up to {duration(error.wait_seconds)}"
    return Forecast(key=key, verdict="pending", reason=reason)
