"""A response is checked against the node's ports before anything of it is published."""

from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import OutputMismatchError
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.models import Node, OutputPort
from pipeline_lib.runtime.messages import OutputArtifact, Response
from pipeline_lib.runtime.publishing import publish_outputs
from pipeline_lib.runtime.session import Session
from unit.runtime.toy_runs import node_of, toy_plan

KEY = NodeKey(pipeline="parts", run_id="run-1", node="split")


class Body:
    """What a body left in staging, and its publication."""

    def __init__(self, session: Session) -> None:
        self.artifacts = session.artifacts
        self.staging = session.artifacts.staging("try")
        self.root = Path(session.profile.artifacts.root)

    def output(self, name: str, folder: Path | None = None) -> OutputArtifact:
        path = (folder or self.staging) / name
        path.mkdir(parents=True)
        (path / "number.txt").write_text(name)
        return OutputArtifact(path=str(path), type_name="Number", properties={"value": 1})

    def publish(self, outputs: dict[str, Any], node: Node | None = None) -> Any:
        ports = {port: tuple(found) for port, found in outputs.items()}
        return publish_outputs(
            self.artifacts,
            node or node_of(toy_plan("parts"), "split"),
            KEY,
            7,
            Response(outputs=ports),
            staging=self.staging,
        )

    def published(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.root).parent)
            for path in self.root.rglob("number.txt")
            if ".staging" not in path.parts
        )


@pytest.fixture
def body(session: Session) -> Body:
    return Body(session)


def test_lists_are_numbered_and_absent_options_stay_away(body: Body) -> None:
    found = body.publish({"numbers": [body.output("a"), body.output("b")]})
    assert body.published() == ["parts/split/numbers/7/0", "parts/split/numbers/7/1"]
    assert [artifact.uri for artifact in found["numbers"]] == [str(body.root / p) for p in body.published()]
    assert {artifact.size_bytes for artifact in found["numbers"]} == {1}
    assert len({artifact.digest for artifact in found["numbers"]}) == 2


def test_one_artifact_has_no_number(body: Body) -> None:
    body.publish({"numbers": [], "rest": [body.output("r")]})
    assert body.published() == ["parts/split/rest/7"]


def test_a_port_the_plan_does_not_know_is_refused(body: Body) -> None:
    with pytest.raises(OutputMismatchError, match="split put out extra, which its plan does not know"):
        body.publish({"numbers": [], "extra": [body.output("x")]})
    assert body.published() == []


@pytest.mark.parametrize("count", [0, 2])
def test_a_port_of_one_needs_exactly_one(body: Body, count: int) -> None:
    node = node_of(toy_plan("parts"), "split", outputs={"number": OutputPort(artifact_type="Number")})
    with pytest.raises(OutputMismatchError, match=rf"needs one artifact, the component returned {count}"):
        body.publish({"number": [body.output(str(n)) for n in range(count)]}, node)
    assert body.published() == []


def test_nothing_is_published_if_a_later_output_is_bad(body: Body, tmp_path: Path) -> None:
    foreign = body.output("foreign", tmp_path / "elsewhere")
    with pytest.raises(OutputMismatchError, match="an artifact that it did not make"):
        body.publish({"numbers": [body.output("good"), foreign]})
    assert body.published() == []
