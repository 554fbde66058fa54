"""Asset events: what they say of an output."""

from collections import defaultdict
from datetime import UTC, datetime

from airflow.sdk import Asset

from pipeline_lib.airflow.assets import announce, event_extra, outlets
from pipeline_lib.metadata.records import NodeKey, StoredArtifact
from pipeline_lib.plan.models import CodeRef, Node, OutputPort, Plan
from pipeline_lib.runtime.results import NodeResult, Outcome

CODE = CodeRef(module="m", qualname="f")
KEY = NodeKey(pipeline="p", run_id="p.r", node="n")


def artifact(number: int) -> StoredArtifact:
    return StoredArtifact(
        id=number, type_name="A", uri=f"/a/{number}", digest=f"d{number}", created_at=datetime.now(UTC)
    )


def extra(*found: StoredArtifact, outcome: Outcome = Outcome.COMPLETE) -> dict[str, object]:
    result = NodeResult(key=KEY, outcome=outcome, outputs={"out": found}, execution_id=9)
    return event_extra(result, "out", "2026-01-01")


def test_an_event_names_artifact_span_and_run() -> None:
    assert extra(artifact(1)) == {
        "id": 1,
        "uri": "/a/1",
        "digest": "d1",
        "span": "2026-01-01",
        "run": "p.r",
        "execution": 9,
        "cached": False,
    }


def test_an_event_of_several_or_none_lists_them() -> None:
    found = extra(artifact(1), artifact(2), outcome=Outcome.CACHED)
    assert [a["digest"] for a in found["artifacts"]] == ["d1", "d2"]  # type: ignore[attr-defined]
    assert found["cached"] is True
    assert extra()["artifacts"] == []


def test_a_resolver_makes_no_asset() -> None:
    node = Node(id="n", kind="resolver", code=CODE, outputs={"result": OutputPort(artifact_type="A")})
    assert outlets(Plan(name="p", code=CODE, nodes=(node,)), node) == []


def test_only_what_is_there_is_announced_as_the_partition_of_its_span() -> None:
    class Event:
        def __init__(self) -> None:
            self.extra: dict[str, object] = {}
            self.partitions: list[str] = []

        def add_partitions(self, key: str) -> None:
            self.partitions.append(key)

    ports = {name: OutputPort(artifact_type="A", optional=True) for name in ("there", "absent", "empty")}
    node = Node(id="n", code=CODE, outputs=ports)
    plan = Plan(name="p", code=CODE, nodes=(node,))
    result = NodeResult(key=KEY, outcome=Outcome.COMPLETE, outputs={"there": (artifact(1),), "empty": ()})
    events: dict[Asset, Event] = defaultdict(Event)
    (announced,) = announce(plan, node, result, "2026-01-01", events)
    assert announced.name == "p.n.there"
    assert events[announced].partitions == ["2026-01-01"]
    assert events[announced].extra["id"] == 1
    announce(plan, node, result, "", events := defaultdict(Event))
    assert events[announced].partitions == [], "a run of no span makes plain events"
