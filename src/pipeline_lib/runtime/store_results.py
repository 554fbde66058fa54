"""What nodes of a run put out, read from the metadata store: for runners whose nodes share no process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.results import NodeResult, recorded_result
from pipeline_lib.runtime.scope import Scope, loop_scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResults:
    """`pipeline_lib.runtime.scope.Results` of one run, each looked up once.

    The caller asks only for nodes that have ended: one without a successful execution was skipped.

    Attributes:
        parameters: Run parameters, complete and checked; loops may go over them.
    """

    store: Store
    plan: Plan
    run_id: str
    parameters: Mapping[str, Any]
    _known: dict[tuple[str, tuple[int, ...]], NodeResult | None] = field(default_factory=dict)

    def get(self, node: str, iteration: tuple[int, ...]) -> NodeResult | None:
        """The result of one node (one iteration), or None if it put out nothing."""
        if (node, iteration) not in self._known:
            self._known[node, iteration] = self._look_up(node, iteration)
        return self._known[node, iteration]

    def iterations(self, node: str, prefix: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The iterations of a looped node inside those of the outer loops, in order."""
        found = [scope.iteration for scope in loop_scopes(self.plan.node(node), self.scope())]
        return [iteration for iteration in found if iteration[: len(prefix)] == prefix]

    def scope(self) -> Scope:
        """What names mean outside of all loops."""
        return Scope(plan=self.plan, parameters=self.parameters, results=self)

    def _look_up(self, node: str, iteration: tuple[int, ...]) -> NodeResult | None:
        key = NodeKey(pipeline=self.plan.name, run_id=self.run_id, node=node, iteration=iteration)
        done = self.store.completed(key)
        return None if done is None else recorded_result(done)
