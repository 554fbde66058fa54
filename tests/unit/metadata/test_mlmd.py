"""What is particular to ML Metadata: TFX's conventions, bounded calls, one winner."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline_lib.errors import MetadataVersionError
from pipeline_lib.metadata import mlmd_listing
from pipeline_lib.metadata.connection import Connection
from pipeline_lib.metadata.database import connection_config, parse_database
from pipeline_lib.metadata.mlmd import MlmdStore, open_store
from pipeline_lib.metadata.records import (
    ArtifactQuery,
    NewArtifact,
    NewExecution,
    NodeKey,
    Run,
    State,
    StoredArtifact,
)
from unit.metadata.building import EXAMPLES

KEY = NodeKey(pipeline="flights", run_id="run-1", node="ingest")


def new(key: NodeKey = KEY, **inputs: Any) -> NewExecution:
    return NewExecution(
        key=key,
        type_name="components.ingest",
        cache_key="c0ffee",
        inputs=inputs,
        parameters={"steps": 10, "rate": 0.5, "name": "x", "list": [1], "flag": True},
    )


@pytest.fixture
def store(url: str) -> Iterator[MlmdStore]:
    opened = open_store(url)
    assert isinstance(opened, MlmdStore)
    opened.register_types({"Examples": EXAMPLES})
    opened.open_run(Run(pipeline="flights", run_id="run-1", state=State.RUNNING, span="2013-01-01"))
    yield opened
    opened.close()


@pytest.fixture
def published(store: MlmdStore) -> StoredArtifact:
    artifact = NewArtifact(
        type_name="Examples",
        uri="/artifacts/1",
        digest="d1",
        properties={"span": 3, "version": 0, "split_names": ["train", "eval"], "rows": {"train": 9}},
    )
    return store.complete(store.start(new()), KEY, {"examples": [artifact]}, {})["examples"][0]


@pytest.fixture
def client(url: str, published: StoredArtifact) -> metadata_store.MetadataStore:
    """ML Metadata's own client on the store that `published` is in."""
    return metadata_store.MetadataStore(connection_config(parse_database(url)))


# --- TFX's conventions ----------------------------------------------------------------------------------


def test_executions_and_artifacts_are_in_tfx_contexts(client: metadata_store.MetadataStore) -> None:
    (execution,) = client.get_executions()
    (artifact,) = client.get_artifacts()
    expected = {
        ("pipeline", "flights"),
        ("pipeline_run", "run-1"),
        ("node", "flights.ingest"),
        ("execution_cache", "c0ffee"),
    }
    for contexts in (
        client.get_contexts_by_execution(execution.id),
        client.get_contexts_by_artifact(artifact.id),
    ):
        assert {(context.type, context.name) for context in contexts} == expected


def test_the_pipeline_is_the_runs_parent(client: metadata_store.MetadataStore) -> None:
    run = client.get_context_by_type_and_name("pipeline_run", "run-1")
    assert [(c.type, c.name) for c in client.get_parent_contexts_by_context(run.id)] == [
        ("pipeline", "flights")
    ]


def test_types_are_tfx_types(client: metadata_store.MetadataStore) -> None:
    found = client.get_artifact_type("Examples")
    assert dict(found.properties) == {"span": pb.INT, "version": pb.INT, "split_names": pb.STRING}
    assert found.base_type == pb.ArtifactType.DATASET
    assert not client.get_execution_type("components.ingest").properties


def test_an_artifact_reads_as_tfx_writes_it(client: metadata_store.MetadataStore) -> None:
    (artifact,) = client.get_artifacts()
    assert (artifact.uri, artifact.state) == ("/artifacts/1", pb.Artifact.LIVE)
    assert artifact.properties["span"].int_value == artifact.custom_properties["span"].int_value == 3
    assert artifact.properties["split_names"].string_value == '["train","eval"]'
    assert "rows" not in artifact.properties
    assert artifact.custom_properties["tfx_version"].string_value >= "0.29"
    assert artifact.custom_properties["payload_format"].string_value == "FORMAT_PARQUET"


def test_an_execution_reads_as_tfx_writes_it(client: metadata_store.MetadataStore) -> None:
    (execution,) = client.get_executions()
    assert execution.last_known_state == pb.Execution.COMPLETE
    assert execution.name
    custom = execution.custom_properties
    assert custom["steps"].int_value == 10
    assert custom["rate"].double_value == 0.5
    assert custom["list"].string_value == "[1]"
    ours = {name for name in custom if name not in {"steps", "rate", "name", "list", "flag"}}
    assert all(name.startswith("__pl_") for name in ours)


def test_an_events_path_is_key_then_index(
    store: MlmdStore, published: StoredArtifact, client: metadata_store.MetadataStore
) -> None:
    second = store.start(
        new(NodeKey(pipeline="flights", run_id="run-1", node="train"), examples=[published, published])
    )
    (made,) = client.get_events_by_execution_ids([1])
    assert made.type == pb.Event.OUTPUT
    assert [step.WhichOneof("value") for step in made.path.steps] == ["key", "index"]
    assert (made.path.steps[0].key, made.path.steps[1].index) == ("examples", 0)
    (used,) = client.get_events_by_execution_ids([second])
    assert used.type == pb.Event.INPUT
    assert [(step.key, step.index) for step in used.path.steps] == [
        ("examples", 0),
        ("", 0),
        ("examples", 0),
        ("", 1),
    ]


def test_what_tfx_wrote_can_be_read(url: str, store: MlmdStore) -> None:
    client = metadata_store.MetadataStore(connection_config(parse_database(url)))
    types = {
        "execution": client.put_execution_type(pb.ExecutionType(name="tfx.components.CsvExampleGen")),
        "artifact": client.get_artifact_type("Examples").id,
        "node": client.get_context_type("node").id,
    }
    artifact = pb.Artifact(type_id=types["artifact"], uri="/tfx/1", state=pb.Artifact.LIVE)
    artifact.properties["split_names"].string_value = '["train", "eval"]'
    artifact.custom_properties["span"].int_value = 7
    event = pb.Event(type=pb.Event.OUTPUT)
    event.path.steps.add().key = "examples"
    event.path.steps.add().index = 0
    execution = pb.Execution(type_id=types["execution"], last_known_state=pb.Execution.COMPLETE)
    execution.custom_properties["input_base"].string_value = "/data"
    node = pb.Context(type_id=types["node"], name="taxi.CsvExampleGen")
    id_, _, _ = client.put_execution(execution, [(artifact, event)], [node])
    found = store.execution(id_)
    assert found is not None
    assert (found.state, found.parameters) == (State.COMPLETE, {"input_base": "/data"})
    assert found.outputs["examples"][0].properties == {"split_names": ["train", "eval"], "span": 7}
    assert store.artifacts(ArtifactQuery(type_name="Examples", span=(7, 7)))[0].uri == "/tfx/1"
    assert [one.id for one in store.node_history("taxi", "CsvExampleGen")] == [id_]


# --- cost -----------------------------------------------------------------------------------------------


CACHED = NodeKey(pipeline="flights", run_id="run-2", node="ingest")
OTHER = NodeKey(pipeline="flights", run_id="run-2", node="other")
RUN_2 = Run(pipeline="flights", run_id="run-2", state=State.RUNNING, span="2013-01-02")


@pytest.mark.parametrize("history", [1, 30])
def test_the_number_of_calls_does_not_grow(store: MlmdStore, published: StoredArtifact, history: int) -> None:
    connection = store._connection
    sqlite = connection.database.backend == "sqlite"  # which asks where the history ends before it lists
    outputs = {"examples": [published]}
    for number in range(history):
        key = NodeKey(pipeline="flights", run_id="run-1", node="ingest", iteration=(number,))
        store.record_cached(new(key), outputs, cached_from=1)
    store.open_run(RUN_2)

    def calls(ask: Any) -> int:
        before = connection.calls
        ask()
        return connection.calls - before

    started = store.start(new(CACHED))
    assert calls(lambda: store.register_types({"Examples": EXAMPLES})) == 1
    assert calls(lambda: store.open_run(RUN_2)) == 2
    assert calls(lambda: store.start(new(CACHED))) == 1
    assert calls(lambda: store.completed(CACHED)) == 1
    assert calls(lambda: store.cache_candidates("c0ffee")) == 4
    assert calls(lambda: store.complete(started, CACHED, {}, {})) == 2
    assert calls(lambda: store.completed(CACHED)) == 2
    assert calls(lambda: store.record_cached(new(OTHER), outputs, cached_from=1)) == 1
    assert calls(lambda: store.node_history("flights", "ingest")) == 2 + sqlite
    assert calls(lambda: store.run_executions("run-1")) == 4
    assert calls(lambda: store.runs("flights")) == 1 + sqlite
    query = ArtifactQuery(type_name="Examples", run_span_before="2014")
    assert calls(lambda: store.artifacts(query)) == 1 + sqlite
    assert calls(store.active_executions) == 1
    assert calls(lambda: store.finish(started, State.FAILED, {"a": 1})) == 2
    assert calls(lambda: store.close_run(RUN_2)) == 2


@pytest.mark.parametrize("recent", [1, 3, 100])
def test_a_history_is_whole_wherever_its_executions_lie(
    store: MlmdStore, published: StoredArtifact, recent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked for first among the newest of the store, of which other nodes have most."""
    monkeypatch.setattr(mlmd_listing, "_IDS_FOR_ONE", recent)
    store.open_run(RUN_2)
    outputs = {"examples": [published]}
    for number in range(8):
        key = NodeKey(
            pipeline="flights", run_id="run-2", node="often" if number % 4 else "seldom", iteration=(number,)
        )
        store.record_cached(new(key), outputs, cached_from=1)
    for node, count in (("often", 6), ("seldom", 2)):
        ids = [found.id for found in store.node_history("flights", node)]
        assert len(ids) == count
        assert ids == sorted(ids, reverse=True)
        for limit in range(1, count + 1):
            assert [found.id for found in store.node_history("flights", node, limit=limit)] == ids[:limit]


def test_opening_again_is_one_call(store: MlmdStore, url: str) -> None:
    connection = Connection(parse_database(url))
    MlmdStore(connection).prepare()
    assert connection.calls == 1


def test_importing_the_module_loads_nothing_heavy() -> None:
    """A fully cached run should take about a second."""
    code = (
        "import sys, pipeline_lib.metadata.mlmd;"
        "print([m for m in ('ml_metadata', 'pydantic', 'tenacity', 'fsspec', 'sqlite3') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# --- one winner, whatever the order ---------------------------------------------------------------------


def test_a_finish_that_comes_between_does_not_hide_the_outputs(
    store: MlmdStore, published: StoredArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doctor reads RUNNING, the try completes, doctor writes FAILED."""
    execution_id = store.start(new(CACHED))
    connection, call = store._connection, store._connection.call

    def complete_before_the_write(method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "put_executions":
            monkeypatch.setattr(connection, "call", call)
            store.complete(execution_id, CACHED, {}, {"wall": 1})
        return call(method, *args, **kwargs)

    monkeypatch.setattr(connection, "call", complete_before_the_write)
    store.finish(execution_id, State.FAILED, {"doctor": 1})
    found = store.completed(CACHED)
    assert found is not None
    assert (found.state, found.facts) == (State.COMPLETE, {"wall": 1, "doctor": 1})
    assert next(hit.id for hit in store.cache_candidates("c0ffee")) == execution_id


def test_a_repeat_after_a_lost_answer_does_not_double(
    store: MlmdStore, published: StoredArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = store._connection.call

    def lose_the_first_answer(method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "put_execution":
            call(method, *args, **kwargs)
        return call(method, *args, **kwargs)

    monkeypatch.setattr(store._connection, "call", lose_the_first_answer)
    started = store.start(new(CACHED))
    outputs = store.complete(
        started, CACHED, {"x": [NewArtifact(type_name="Examples", uri="/2", digest="d2", properties={})]}, {}
    )
    cached, _ = store.record_cached(new(OTHER), {"x": [published]}, cached_from=1)
    assert [one.id for one in store.run_executions("run-2")] == [started, cached]
    assert [found.uri for found in store.artifacts(ArtifactQuery(type_name="Examples"))] == [
        "/2",
        "/artifacts/1",
    ]
    assert outputs["x"][0].uri == "/2"


@pytest.mark.parametrize("version", [0, 99])
def test_a_store_of_another_version_is_refused(store: MlmdStore, url: str, version: int) -> None:
    client = metadata_store.MetadataStore(connection_config(parse_database(url)))
    mark = client.get_context_by_type_and_name("pipeline_lib.store", "schema")
    mark.custom_properties["version"].int_value = version
    client.put_contexts([mark])
    with pytest.raises(MetadataVersionError, match="another version of pipeline_lib"):
        open_store(url)
