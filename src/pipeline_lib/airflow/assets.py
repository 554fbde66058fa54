"""One stable asset per output of a node, and an event per run with what it holds now."""

from typing import Any

from airflow.sdk import Asset
from airflow.sdk.definitions.asset import AssetNameRef

from pipeline_lib.plan.models import ArtifactTrigger, Node, Plan
from pipeline_lib.runtime.results import NodeResult, Outcome


def asset_of(plan: Plan, node: Node, port: str) -> Asset:
    """The asset that stands for everything a node ever puts out under a port."""
    name = ArtifactTrigger(pipeline=plan.name, node=node.id, port=port)
    return Asset(
        name=str(name),
        uri=f"pipeline://{plan.name}/{node.id}/{port}",
        group=node.outputs[port].artifact_type,
    )


def outlets(plan: Plan, node: Node) -> list[Asset]:
    """The assets of a node. A resolver has none: it chooses, it makes nothing."""
    return [] if node.kind == "resolver" else [asset_of(plan, node, port) for port in node.outputs]


def announce(plan: Plan, node: Node, result: NodeResult, span: str, events: Any) -> list[Asset]:
    """Say in the asset events what a node put out; returns the assets that have something new.

    The event of a run that is of a span is of that partition: whatever is scheduled on the asset runs once
    for each. Airflow makes an event of each asset returned, so an optional output that is absent is not.

    Args:
        plan: The node's.
        node: As it was launched.
        result: Successful.
        span: ISO date of the run's span, or "".
        events: The task's `outlet_events`.
    """
    announced = []
    for port, asset in zip(node.outputs, outlets(plan, node), strict=False):
        if result.outputs.get(port):
            events[asset].extra = event_extra(result, port, span)
            if span:
                events[asset].add_partitions(span)
            announced.append(asset)
    return announced


def trigger_asset(trigger: ArtifactTrigger) -> AssetNameRef:
    """The asset that stands for another pipeline's output; what else it is, that pipeline's DAG says."""
    return Asset.ref(name=str(trigger))


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
