"""Stores that no run writes: a cycle, records that are gone, executions that were never finished."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline_lib.errors import LineageCycleError
from pipeline_lib.lineage import Subject, explain, impact, timeline
from pipeline_lib.lineage.audit.page import audit_page
from pipeline_lib.lineage.audit.report import audit_report
from pipeline_lib.lineage.retention.protection import protected_ids
from pipeline_lib.metadata.database import connection_config, parse_database
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State, StoredArtifact
from pipeline_lib.metadata.store import Store
from unit.lineage.web.conftest import artifacts_of, client_of

KEY = NodeKey(pipeline="flights", run_id="one", node="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Examples, a model made from them, and its push; and what to damage them with."""

    store: Store
    pages: TestClient
    client: metadata_store.MetadataStore
    made: dict[str, StoredArtifact]
    executions: dict[str, int]
    sql: Callable[[str], None]


def _execute(
    store: Store, node: str, inputs: dict[str, tuple[StoredArtifact, ...]], made: NewArtifact
) -> int:
    key = NodeKey(pipeline=KEY.pipeline, run_id=KEY.run_id, node=node)
    new = NewExecution(key=key, type_name=f"t.{node}", cache_key="", inputs=inputs, parameters={}, facts={})
    id_ = store.start(new)
    store.complete(id_, key, {"made": [made]}, {})
    return id_


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Damaged]:
    file = tmp_path / "metadata.sqlite"
    url = f"sqlite:///{file}"

    def sql(statement: str) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)
            connection.commit()

    with open_store(url) as store:
        store.open_run(Run(pipeline=KEY.pipeline, run_id=KEY.run_id, state=State.COMPLETE))
        made: dict[str, StoredArtifact] = {}
        executions: dict[str, int] = {}
        properties = {"pushed": True, "pushed_destination": "/served/flights/7", "pushed_version": "7"}
        for node, type_name, needs, told in (
            ("ingest", "Examples", "", {"span": 15_870}),
            ("train", "Model", "ingest", {}),
            ("push", "PushedModel", "train", properties),
        ):
            inputs = {"read": (made[needs],)} if needs else {}
            new = NewArtifact(type_name=type_name, uri=f"/{node}/1", digest=node, properties=told)
            executions[node] = _execute(store, node, inputs, new)
            found = store.execution(executions[node])
            assert found is not None
            made[node] = found.outputs["made"][0]
        client = metadata_store.MetadataStore(connection_config(parse_database(url)))
        with client_of(store, artifacts_of(tmp_path)) as pages:
            yield Damaged(store=store, pages=pages, client=client, made=made, executions=executions, sql=sql)


def all_pages(damaged: Damaged) -> dict[str, int]:
    """The status of every page that is about any of it."""
    places = ["/", "/runs", "/runs/one", "/models", "/artifacts", "/serving", "/search?q=executions"]
    places += [f"/executions/{id_}" for id_ in damaged.executions.values()]
    model = damaged.made["train"].id
    places += [f"/models/{model}", f"/impact?of=artifact:{model}", f"/artifacts/{model}"]
    places += [f"/artifacts/{model}/lineage?direction={way}" for way in ("up", "down")]
    return {place: damaged.pages.get(place).status_code for place in places}


def test_a_planted_cycle_is_told_and_hangs_nothing(damaged: Damaged) -> None:
    model = damaged.made["train"]
    event = pb.Event(artifact_id=model.id, execution_id=damaged.executions["ingest"], type=pb.Event.INPUT)
    step = event.path.steps.add()
    step.key = "read"
    event.path.steps.add().index = 0
    damaged.client.put_events([event])
    with pytest.raises(LineageCycleError, match="its own ancestor"):
        explain(damaged.store, Subject(version="7"))
    assert [one.model.id for one in impact(damaged.store, f"artifact:{model.id}").models] == [model.id]
    assert model.id in protected_ids(damaged.store)
    assert timeline(damaged.store, "flights").items
    told = {place: status for place, status in all_pages(damaged).items() if status != 200}
    assert set(told) == {f"/models/{model.id}", f"/artifacts/{model.id}/lineage?direction=up"}
    answer = damaged.pages.get(f"/models/{model.id}").text
    assert "its own ancestor" in answer
    assert "restore the store from a backup" in answer


def test_a_parent_whose_records_are_gone_is_named_as_missing(damaged: Damaged) -> None:
    examples, ingest = damaged.made["ingest"], damaged.executions.pop("ingest")
    for statement in (
        f"DELETE FROM Execution WHERE id = {ingest}",
        f"DELETE FROM ExecutionProperty WHERE execution_id = {ingest}",
        f"DELETE FROM Event WHERE execution_id = {ingest}",
        f"DELETE FROM Association WHERE execution_id = {ingest}",
    ):
        damaged.sql(statement)
    found = explain(damaged.store, Subject(version="7"))
    assert found.missing == (f"no execution is recorded that made artifact {examples.id}",)
    assert f"made artifact {examples.id}" in audit_page(audit_report(found))
    assert set(all_pages(damaged).values()) == {200}


def test_an_artifact_whose_record_is_gone_is_left_out(damaged: Damaged) -> None:
    examples = damaged.made["ingest"].id
    # With its properties: ML Metadata 1.17.1 ends the process when it meets properties of nothing.
    damaged.sql(f"DELETE FROM ArtifactProperty WHERE artifact_id = {examples}")
    damaged.sql(f"DELETE FROM Artifact WHERE id = {examples}")
    found = explain(damaged.store, Subject(version="7"))
    assert examples not in {artifact.id for artifact in found.lineage.artifacts}
    assert set(all_pages(damaged).values()) == {200}
    assert damaged.pages.get(f"/artifacts/{examples}").status_code == 404


def test_executions_that_were_never_finished_change_no_answer(damaged: Damaged) -> None:
    """A try that began and never ended, and one that another tool wrote with nothing but a type."""
    before = explain(damaged.store, Subject(version="7"))
    model = damaged.made["train"]
    key = NodeKey(pipeline=KEY.pipeline, run_id=KEY.run_id, node="evaluate")
    new = NewExecution(
        key=key, type_name="t.evaluate", cache_key="", inputs={"model": (model,)}, parameters={}, facts={}
    )
    damaged.executions["evaluate"] = damaged.store.start(new)
    type_id = damaged.client.put_execution_type(pb.ExecutionType(name="elsewhere"))
    event = pb.Event(artifact_id=model.id, type=pb.Event.INPUT)
    bare, _, _ = damaged.client.put_execution(pb.Execution(type_id=type_id), [(None, event)], [])
    damaged.executions["elsewhere"] = bare
    after = explain(damaged.store, Subject(version="7"))
    assert audit_report(after) == audit_report(before)
    assert [one.model.id for one in impact(damaged.store, f"artifact:{model.id}").models] == [model.id]
    assert set(all_pages(damaged).values()) == {200}
