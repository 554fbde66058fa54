"""The pipelines of the Airflow on PostgreSQL, and what its tests have to know of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from integration.airflow.site import plan_of
from pipeline_lib.plan.models import Plan

TOYS = ("chain", "diamond", "fan", "shaky", "wicked", "windowed")
NIGHTLY = ("arriving", "daily", "following", "gated", "hasty", "odd_following", "strict", "timed")
BY_CELERY = "held-by-celery"
EXECUTORS = "LocalExecutor,CeleryExecutor"
CAUGHT_UP_SINCE = (datetime.now(UTC) - timedelta(days=3)).date()
SINCE_MIDNIGHT = f"__import__('datetime').datetime{CAUGHT_UP_SINCE.timetuple()[:3]}"
OPTIONS: dict[str, Any] = {
    "pool": "narrow",
    "queue": "default",
    "priority": 7,
    "owner": "ana",
    "executor_config": {"kept": "as it is"},
    "timeout_seconds": 2,
}


def bounded() -> Plan:
    """`wicked`, whose middle node has every option that Airflow knows of."""
    plan = plan_of("toy", "wicked")
    (bad,) = [node for node in plan.nodes if node.id == "misbehave"]
    changed = bad.model_copy(update={"options": bad.options.model_copy(update=OPTIONS)})
    nodes = tuple(changed if node is bad else node for node in plan.nodes)
    return plan.model_copy(update={"name": "bounded", "nodes": nodes})


def plans(*, celery: bool) -> list[Plan]:
    held = plan_of("held", "held")
    found = [plan_of("toy", name) for name in TOYS] + [plan_of("nightly", name) for name in NIGHTLY]
    by_celery = [held.model_copy(update={"name": BY_CELERY})] if celery else []
    return [*found, held, bounded(), *by_celery]
