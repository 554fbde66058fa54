"""Partial runs: which nodes run, and which give the outputs of an earlier run instead."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline_lib.errors import SelectionError
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.models import Node, Plan
from pipeline_lib.runtime.graph import ancestors, descendants, graph
from pipeline_lib.runtime.launcher import Launcher
from pipeline_lib.runtime.results import NodeResult, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The nodes to run, and those whose earlier outputs the nodes to run read."""

    run: frozenset[str]
    reuse: frozenset[str] = frozenset()

    @classmethod
    def everything(cls, plan: Plan) -> "Selection":
        """Every node of the plan."""
        return cls(run=frozenset(node.id for node in plan.nodes))

    @classmethod
    def of(
        cls,
        plan: Plan,
        *,
        start: Iterable[str] = (),
        stop: Iterable[str] = (),
        only: Iterable[str] = (),
    ) -> "Selection":
        """The nodes from `start` on, up to `stop`; or `only` these.

        Resolvers that a selected node reads run too: they choose, they do not compute.

        Raises:
            SelectionError: A name is no node, or nothing is left to run.
        """
        edges = graph(plan)
        start, stop, only = (known_nodes(plan, names) for names in (start, stop, only))
        if only and (start or stop):
            raise SelectionError("--only goes with neither --from nor --to", fix="leave one of them out")
        chosen = only or (
            (descendants(start, edges) if start else set(edges))
            & (ancestors(stop, edges) if stop else set(edges))
        )
        if not chosen:
            raise SelectionError(
                f"no node of {plan.name} lies between --from and --to",
                got=f"from {', '.join(sorted(start))} to {', '.join(sorted(stop))}",
                fix="name an upstream node in --from and a downstream node in --to",
            )
        needed = ancestors(chosen, edges) - chosen
        resolvers = {node.id for node in plan.nodes if node.kind == "resolver"} & needed
        read = {upstream for node_id in chosen | resolvers for upstream in edges[node_id]}
        return cls(run=frozenset(chosen | resolvers), reuse=frozenset(read - chosen - resolvers))


def reuse_outputs(node: Node, launcher: Launcher, *, needed: bool) -> NodeResult:
    """The outputs of the node's latest successful execution for the same span.

    Raises:
        SelectionError: There is none, and a selected node reads them.
    """
    context = launcher.run
    key = NodeKey(pipeline=context.pipeline, run_id=context.run_id, node=node.id)
    if not needed:
        return NodeResult(key=key, outcome=Outcome.LEFT_OUT, reason="not selected")
    for earlier in launcher.store.node_history(context.pipeline, node.id, limit=50):
        if earlier.state.succeeded and earlier.facts.get("run_span", "") == context.span:
            full = launcher.store.execution(earlier.id)
            if full is not None:
                return NodeResult(
                    key=key,
                    outcome=Outcome.REUSED,
                    outputs=full.outputs,
                    execution_id=earlier.id,
                    reason=f"of run {earlier.key.run_id}",
                )
    raise SelectionError(
        f"{node.id} is not selected and has no earlier result to go on from",
        at=f"{context.pipeline}, span {context.span or 'none'}",
        fix=f"run it once: --to {node.id}",
    )


def known_nodes(plan: Plan, names: Iterable[str]) -> set[str]:
    """The names, every one of them a node of the plan.

    Raises:
        SelectionError: One is not.
    """
    names = tuple(names)
    known = [node.id for node in plan.nodes]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise SelectionError(
                f"{plan.name} has no node {name}",
                nodes=", ".join(known),
                fix=f"did you mean {near[0]}?" if near else "name one of its nodes",
            )
    return set(names)
