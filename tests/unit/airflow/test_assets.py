"""Asset events: what they say of an output."""

from datetime import UTC, datetime

from pipeline_lib.airflow.assets import event_extra, outlets
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
