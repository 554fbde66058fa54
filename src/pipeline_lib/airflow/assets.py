"""One stable asset per output of a node, and an event per run with what it holds now."""

from typing import Any

from airflow.sdk import Asset

from pipeline_lib.plan.models import Node, Plan
from pipeline_lib.runtime.results import NodeResult, Outcome


def asset_of(plan: Plan, node: Node, port: str) -> Asset:
    """The asset that stands for everything a node ever puts out under a port."""
    return Asset(
        name=f"{plan.name}.{node.id}.{port}",
        uri=f"pipeline://{plan.name}/{node.id}/{port}",
        group=node.outputs[port].artifact_type,
    )


def outlets(plan: Plan, node: Node) -> list[Asset]:
    """The assets of a node. A resolver has none: it chooses, it makes nothing."""
    return [] if node.kind == "resolver" else [asset_of(plan, node, port) for port in node.outputs]


def event_extra(result: NodeResult, port: str, span: str) -> dict[str, Any]:
    """What an asset event says: span, and uri, digest and id of the artifact (of each, if several)."""
    found = [{"id": a.id, "uri": a.uri, "digest": a.digest} for a in result.outputs.get(port, ())]
    return {
        **(found[0] if len(found) == 1 else {"artifacts": found}),
        "span": span,
        "run": result.key.run_id,
        "execution": result.execution_id,
        "cached": result.outcome is Outcome.CACHED,
    }
