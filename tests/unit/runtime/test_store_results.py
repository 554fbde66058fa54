"""Results of a run read back from a real store, as another process would."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.expressions import FromGather, FromOutput, FromParameter
from pipeline_lib.plan.models import ArtifactType, CodeRef, Loop, Node, OutputPort, Plan
from pipeline_lib.runtime.results import Outcome
from pipeline_lib.runtime.store_results import StoreResults

CODE = CodeRef(module="m", qualname="f")
OUT = {"out": OutputPort(artifact_type="A")}
PLAN = Plan(
    name="p",
    code=CODE,
    nodes=(Node(id="a", code=CODE, outputs=OUT), Node(id="b", code=CODE, outputs=OUT, loops=("x",))),
    loops=(Loop(id="x", over=FromParameter(name="steps")),),
    artifact_types={"A": ArtifactType(code=CODE)},
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as opened:
        opened.register_types(PLAN.artifact_types)
        opened.open_run(Run(pipeline="p", run_id="r", state=State.RUNNING, started_at=datetime.now(UTC)))
        yield opened


def complete(store: Store, node: str, iteration: tuple[int, ...] = ()) -> int:
    key = NodeKey(pipeline="p", run_id="r", node=node, iteration=iteration)
    id_ = store.start(NewExecution(key=key, type_name="m.f", cache_key="", inputs={}, parameters={}))
    made = NewArtifact(type_name="A", uri=f"/{key}", digest=str(key), properties={})
    return store.complete(id_, key, {"out": [made]}, {})["out"][0].id


def results(store: Store) -> StoreResults:
    return StoreResults(store=store, plan=PLAN, run_id="r", parameters={"steps": [5, 6, 7]})


def test_what_a_node_put_out_is_read_once(store: Store) -> None:
    made = complete(store, "a")
    found = results(store)
    first = found.get("a", ())
    assert first is not None
    assert (first.outcome, first.outputs["out"][0].id) == (Outcome.COMPLETE, made)
    assert found.get("a", ()) is first


def test_a_node_that_was_skipped_put_out_nothing(store: Store) -> None:
    scope = results(store).scope()
    assert scope.evaluate(FromOutput(node="a", port="out")) is None


def test_iterations_follow_from_the_loop_and_gather_what_there_is(store: Store) -> None:
    made = [complete(store, "b", (index,)) for index in (0, 2)]
    found = results(store)
    assert found.iterations("b", ()) == [(0,), (1,), (2,)]
    gathered = found.scope().evaluate(FromGather(node="b", port="out"))
    assert [artifact.id for artifact in gathered] == made
