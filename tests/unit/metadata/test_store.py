"""The contract of `Store`: every backend passes all of it."""

import dataclasses
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline_lib.errors import (
    AlreadyCompleteError,
    ArtifactTypeConflictError,
    DeclaredDeadError,
    RunConflictError,
    UnknownRecordError,
)
from pipeline_lib.metadata.marks import Mark, MarkKind
from pipeline_lib.metadata.records import (
    ORPHANED,
    ArtifactQuery,
    ArtifactState,
    Condition,
    NewArtifact,
    NewExecution,
    NodeKey,
    RecordQuery,
    Run,
    Slice,
    State,
    StoredArtifact,
)
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import PropertyType
from unit.metadata.building import AWKWARD, EXAMPLES, TYPES, examples, key, new, publish, ready

# --- runs -----------------------------------------------------------------------------------------------


def test_a_run_is_read_back(store: Store) -> None:
    started = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    run = Run(
        pipeline="flights",
        run_id="run-1",
        state=State.RUNNING,
        span="2013-01-01",
        parameters={"day": "2013-01-01", "odd": AWKWARD, "nested": {"a": [1, 2.5, None, True]}},
        facts={"plan": "abc", "dirty": False, "note": AWKWARD, "git.commit": None, "json:like": "json:1"},
        started_at=started,
    )
    store.open_run(run)
    assert store.run("run-1") == run


def test_closing_a_run_keeps_what_opening_said(store: Store) -> None:
    started, ended = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    opened = Run(
        pipeline="flights",
        run_id="run-1",
        state=State.RUNNING,
        span="2013-01-01",
        parameters={"a": 1},
        facts={"user": "u"},
        started_at=started,
    )
    store.open_run(opened)
    store.close_run(
        Run(pipeline="flights", run_id="run-1", state=State.FAILED, facts={"failed": 2}, ended_at=ended)
    )
    assert store.run("run-1") == dataclasses.replace(
        opened, state=State.FAILED, facts={"user": "u", "failed": 2}, ended_at=ended
    )


def test_a_run_that_is_opened_again_goes_on(store: Store) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    run = Run(pipeline="flights", run_id="run-1", state=State.RUNNING, facts={"a": 1}, started_at=first)
    store.open_run(run)
    store.close_run(dataclasses.replace(run, state=State.FAILED))
    store.open_run(dataclasses.replace(run, facts={"b": 2}, started_at=first + timedelta(days=1)))
    assert store.run("run-1") == dataclasses.replace(run, facts={"a": 1, "b": 2})
    assert len(store.runs("flights")) == 1


def test_a_run_id_is_of_one_pipeline(store: Store) -> None:
    store.open_run(Run(pipeline="flights", run_id="run-1", state=State.RUNNING))
    with pytest.raises(RunConflictError, match="run run-1 is one of pipeline flights"):
        store.open_run(Run(pipeline="taxi", run_id="run-1", state=State.RUNNING))


def test_runs_are_listed_newest_first(store: Store) -> None:
    for number, pipeline in enumerate(["flights", AWKWARD, "flights", "taxi"]):
        store.open_run(Run(pipeline=pipeline, run_id=f"run-{number}", state=State.RUNNING))
    assert [run.run_id for run in store.runs()] == ["run-3", "run-2", "run-1", "run-0"]
    assert [run.run_id for run in store.runs("flights", limit=1)] == ["run-2"]
    assert [run.run_id for run in store.runs(AWKWARD)] == ["run-1"]


def test_what_is_not_there_is_none_or_empty(store: Store) -> None:
    assert store.run("run-1") is None
    assert store.execution(7) is None
    assert store.artifact(7) is None
    assert store.completed(key()) is None
    assert store.runs() == store.active_executions() == store.run_executions("run-1") == []
    assert store.node_history("flights", "ingest") == store.cache_candidates("c0ffee") == []
    assert store.artifacts(ArtifactQuery(type_name="Examples")) == store.artifacts_by_uri("/x") == []


# --- executions -----------------------------------------------------------------------------------------


def test_a_started_execution_is_active_and_has_its_inputs(store: Store) -> None:
    ready(store)
    _, artifact = publish(store)
    execution_id = store.start(
        new(
            "train",
            inputs={"examples": [artifact, artifact], "base": [artifact], "empty": []},
            parameters={"text": AWKWARD, "list": [1, "two"], "none": None, "yes": True, "x": 0.1},
            facts={"host": AWKWARD, "parts": {"a": [1]}, "memory": 2**70, "text": "json:x"},
        )
    )
    found = store.execution(execution_id)
    assert found is not None
    assert found.state is State.RUNNING
    assert found.key == key("train")
    assert found.type_name == "components.train"
    assert found.cache_key == "c0ffee"
    assert found.parameters == {"text": AWKWARD, "list": [1, "two"], "none": None, "yes": True, "x": 0.1}
    assert found.facts == {"host": AWKWARD, "parts": {"a": [1]}, "memory": 2**70, "text": "json:x"}
    assert found.inputs == {"examples": (artifact, artifact), "base": (artifact,), "empty": ()}
    assert found.outputs == {}
    assert [active.id for active in store.active_executions()] == [execution_id]


def test_completing_publishes_outputs_and_keeps_facts(store: Store) -> None:
    ready(store)
    execution_id = store.start(new())
    outputs = store.complete(
        execution_id, key(), {"examples": [examples(), examples("/artifacts/2")], "none": []}, {"wall": 1.5}
    )
    found = store.completed(key())
    assert found is not None
    assert (found.id, found.state) == (execution_id, State.COMPLETE)
    assert found.facts == {"host": "h", "try": 1, "wall": 1.5}
    assert found.outputs == outputs
    assert [artifact.uri for artifact in outputs["examples"]] == ["/artifacts/1", "/artifacts/2"]
    assert outputs["none"] == ()
    assert store.active_executions() == []


def test_an_artifact_is_read_back(store: Store) -> None:
    ready(store)
    _, artifact = publish(store, "ingest", "run-1", examples("s3://bucket/a b/1"))
    assert artifact.properties == {
        "span": 3,
        "version": 0,
        "split_names": ["train", "eval"],
        "rows": {"train": 9},
    }
    assert (artifact.type_name, artifact.state, artifact.size_bytes) == ("Examples", ArtifactState.LIVE, 12)
    assert (artifact.digest, artifact.uri) == ("d1", "s3://bucket/a b/1")
    assert (artifact.pipeline, artifact.node, artifact.port, artifact.run_id) == (
        "flights",
        "ingest",
        "examples",
        "run-1",
    )
    assert abs(datetime.now(UTC) - artifact.created_at) < timedelta(minutes=1)
    assert store.artifact(artifact.id) == artifact
    assert store.artifacts_by_uri("s3://bucket/a b/1") == [artifact]


def test_completing_again_gives_the_same_outputs(store: Store) -> None:
    ready(store)
    execution_id = store.start(new())
    first = store.complete(execution_id, key(), {"examples": [examples()]}, {})
    assert store.complete(execution_id, key(), {"examples": [examples()]}, {}) == first
    assert store.artifacts(ArtifactQuery(type_name="Examples")) == list(first["examples"])


@pytest.mark.parametrize("outputs", [{"examples": [examples("/artifacts/2")]}, {}])
def test_the_second_try_of_a_node_records_nothing(store: Store, outputs: Any) -> None:
    ready(store)
    first, second = store.start(new()), store.start(new())
    store.complete(first, key(), {"examples": [examples()]}, {})
    with pytest.raises(AlreadyCompleteError, match=f"by: +execution {first}"):
        store.complete(second, key(), outputs, {"wall": 2})
    found = store.execution(second)
    assert found is not None
    assert (found.state, found.outputs) == (State.RUNNING, {})
    assert "wall" not in found.facts
    assert store.artifacts_by_uri("/artifacts/2") == []
    with pytest.raises(AlreadyCompleteError):
        store.record_cached(new(), {}, cached_from=first)


def test_iterations_runs_and_nodes_complete_on_their_own(store: Store) -> None:
    ready(store)
    keys = [key(), key("other"), key(run_id="run-2"), key(iteration=(0,)), key(iteration=(0, 1))]
    for number, one in enumerate(keys):
        execution_id = store.start(new(key=one))
        store.complete(execution_id, one, {"examples": [examples(f"/artifacts/{number}")]}, {})
        found = store.completed(one)
        assert found is not None
        assert found.key == one
        assert found.outputs["examples"][0].uri == f"/artifacts/{number}"


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELED])
def test_a_failed_execution_keeps_its_facts(store: Store, state: State) -> None:
    ready(store)
    execution_id = store.start(new())
    store.finish(execution_id, state, {"error": {"code": "PL401", "text": AWKWARD}})
    store.finish(execution_id, state, {"log": "l"})
    found = store.execution(execution_id)
    assert found is not None
    assert found.state is state
    assert found.facts == {
        "host": "h",
        "try": 1,
        "error": {"code": "PL401", "text": AWKWARD},
        "log": "l",
    }
    assert store.completed(key()) is None
    assert store.active_executions() == []


def test_a_completed_execution_cannot_be_marked_failed(store: Store) -> None:
    ready(store)
    execution_id, artifact = publish(store)
    store.finish(execution_id, State.FAILED, {"doctor": "thought it dead"})
    found = store.completed(key())
    assert found is not None
    assert (found.state, found.outputs) == (State.COMPLETE, {"examples": (artifact,)})
    assert [hit.id for hit in store.cache_candidates("c0ffee")] == [execution_id]


def test_a_try_thought_dead_can_still_complete(store: Store) -> None:
    ready(store)
    execution_id = store.start(new())
    store.finish(execution_id, State.FAILED, {"doctor": "thought it dead"})
    store.complete(execution_id, key(), {"examples": [examples()]}, {})
    found = store.completed(key())
    assert found is not None
    assert found.state is State.COMPLETE
    assert found.facts["doctor"] == "thought it dead"


def test_a_try_that_was_cleared_away_cannot_complete(store: Store) -> None:
    ready(store)
    execution_id = store.start(new())
    store.finish(execution_id, State.FAILED, {ORPHANED: True})
    with pytest.raises(DeclaredDeadError, match="cleared away as dead"):
        store.complete(execution_id, key(), {"examples": [examples()]}, {})
    assert store.completed(key()) is None


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda store: store.complete(99, key(), {}, {}), id="complete"),
        pytest.param(lambda store: store.finish(99, State.FAILED, {}), id="finish"),
        pytest.param(lambda store: store.abandon(99), id="abandon"),
    ],
)
def test_what_is_not_there_cannot_be_changed(store: Store, call: Callable[[Store], None]) -> None:
    with pytest.raises(UnknownRecordError, match="there is no"):
        call(store)


# --- the cache ------------------------------------------------------------------------------------------


def test_candidates_are_successes_of_that_key_newest_first(store: Store) -> None:
    ready(store)
    first, artifact = publish(store)
    failed = store.start(new("failed"))
    store.finish(failed, State.FAILED, {})
    store.start(new("running"))
    other = store.start(new("other", cache_key="decaf"))
    store.complete(other, key("other"), {}, {})
    second, _ = publish(store, "ingest", "run-2")
    found = store.cache_candidates("c0ffee")
    assert [hit.id for hit in found] == [second, first]
    assert found[1].outputs == {"examples": (artifact,)}
    assert [hit.id for hit in store.cache_candidates("c0ffee", limit=1)] == [second]


def test_a_hit_refers_to_the_artifacts_that_are_there(store: Store) -> None:
    ready(store)
    made_by, artifact = publish(store)
    outputs = {"examples": (artifact,), "same": (artifact,), "none": ()}
    id_, given_back = store.record_cached(
        new(run_id="run-2", inputs={"raw": [artifact]}), outputs, cached_from=made_by
    )
    assert given_back == outputs
    found = store.completed(key(run_id="run-2"))
    assert found is not None
    assert (found.id, found.state) == (id_, State.CACHED)
    assert (found.inputs, found.outputs) == ({"raw": (artifact,)}, outputs)
    assert store.artifact(artifact.id) == artifact
    assert [hit.id for hit in store.cache_candidates("c0ffee")] == [id_, made_by]
    assert store.record_cached(new(run_id="run-2"), outputs, cached_from=made_by)[0] == id_


def test_a_hit_for_a_completed_node_is_refused(store: Store) -> None:
    ready(store)
    made_by, _ = publish(store)
    _, other = publish(store, "ingest", "run-2")
    with pytest.raises(AlreadyCompleteError, match=f"execution {made_by}"):
        store.record_cached(new(), {"examples": (other,)}, cached_from=made_by)


def test_no_look_up_returns_an_abandoned_artifact(store: Store) -> None:
    ready(store)
    _, artifact = publish(store)
    store.abandon(artifact.id)
    store.abandon(artifact.id)
    assert store.artifacts(ArtifactQuery(type_name="Examples")) == []
    lost = dataclasses.replace(artifact, state=ArtifactState.ABANDONED)
    assert store.artifact(artifact.id) == lost
    assert store.cache_candidates("c0ffee")[0].outputs == {"examples": (lost,)}


def test_recording_uses_does_not_revive_an_artifact(store: Store) -> None:
    """ML Metadata overwrites an artifact that comes with an event by what comes."""
    ready(store)
    _, artifact = publish(store)
    store.abandon(artifact.id)
    store.start(new("train", inputs={"examples": [artifact]}))
    found = store.artifact(artifact.id)
    assert found == dataclasses.replace(artifact, state=ArtifactState.ABANDONED)


# --- history and queries --------------------------------------------------------------------------------


def test_a_nodes_history_is_newest_first_and_bounded(store: Store) -> None:
    ready(store)
    ids = [publish(store, "ingest", f"run-{number}")[0] for number in range(3)]
    publish(store, "train", "run-0")
    assert [found.id for found in store.node_history("flights", "ingest")] == ids[::-1]
    assert [found.id for found in store.node_history("flights", "ingest", limit=2)] == ids[:0:-1]


def test_a_runs_executions_are_oldest_first_with_ports(store: Store) -> None:
    ready(store)
    first, artifact = publish(store)
    second = store.start(new("train", inputs={"examples": [artifact]}))
    publish(store, "ingest", "run-2")
    found = store.run_executions("run-1")
    assert [execution.id for execution in found] == [first, second]
    assert found[0].outputs == found[1].inputs == {"examples": (artifact,)}


def test_many_executions_of_a_run_all_come_back(store: Store) -> None:
    """ML Metadata pages by 100."""
    ready(store)
    ids = [store.start(new(key=key(iteration=(number,)))) for number in range(120)]
    assert [execution.id for execution in store.run_executions("run-1")] == ids


@pytest.fixture
def history(store: Store) -> dict[str, StoredArtifact]:
    """Spans 1 to 3 by runs of three days, a consumer of each, and three verdicts."""
    store.register_types(TYPES)
    found: dict[str, StoredArtifact] = {}
    for span in (1, 2, 3):
        run_id = f"run-{span}"
        ready(store, run_id, f"2013-01-0{span}")
        _, made = publish(store, "ingest", run_id, examples(f"/artifacts/{span}", span=span))
        consumer = store.start(new("train", run_id, inputs={"examples": [made]}))
        verdict = NewArtifact(
            type_name="ModelBlessing",
            uri=f"/blessings/{span}",
            digest=f"b{span}",
            properties={
                "blessed": span < 3,
                "accuracy": span / 2,
                "current_model": AWKWARD if span == 2 else "plain",
                "day": f"2013-01-0{span}",
                "none": None,
            },
        )
        blessing = store.complete(consumer, key("train", run_id), {"blessing": [verdict]}, {})
        found |= {f"examples-{span}": made, f"blessing-{span}": blessing["blessing"][0]}
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(ArtifactQuery(limit=2), ["blessing-3", "examples-3"], id="any"),
        pytest.param(
            ArtifactQuery(type_name="Examples"), ["examples-3", "examples-2", "examples-1"], id="type"
        ),
        pytest.param(ArtifactQuery(span=(1, 2)), ["examples-2", "examples-1"], id="spans"),
        pytest.param(
            ArtifactQuery(pipeline="flights", node="train", port="blessing", limit=1),
            ["blessing-3"],
            id="made-by",
        ),
        pytest.param(ArtifactQuery(node="train", type_name="Examples"), [], id="not-used-by"),
        pytest.param(ArtifactQuery(pipeline="taxi"), [], id="other-pipeline"),
        pytest.param(
            ArtifactQuery(type_name="ModelBlessing", run_span_before="2013-01-03"),
            ["blessing-2", "blessing-1"],
            id="earlier-runs",
        ),
        pytest.param(
            ArtifactQuery(type_name="ModelBlessing", equal={"blessed": True}),
            ["blessing-2", "blessing-1"],
            id="bool",
        ),
        pytest.param(
            ArtifactQuery(type_name="ModelBlessing", equal={"accuracy": 1}), ["blessing-2"], id="float"
        ),
        pytest.param(ArtifactQuery(equal={"accuracy": 1.5}), ["blessing-3"], id="float-without-type"),
        pytest.param(ArtifactQuery(equal={"current_model": AWKWARD}), ["blessing-2"], id="awkward-text"),
        pytest.param(ArtifactQuery(equal={"day": "2013-01-01"}), ["blessing-1"], id="date"),
        pytest.param(
            ArtifactQuery(equal={"rows": {"train": 9}, "span": 2, "split_names": ["train", "eval"]}),
            ["examples-2"],
            id="json",
        ),
        pytest.param(ArtifactQuery(equal={"no_such": 1}), [], id="unknown-property"),
    ],
)
def test_artifacts_are_found(
    store: Store, history: dict[str, StoredArtifact], query: ArtifactQuery, expected: list[str]
) -> None:
    assert list(store.artifacts(query)) == [history[name] for name in expected]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    other=st.text("aA\u0301'\"\\`% \n", max_size=3),
)
def test_any_text_is_found_by_itself_only(store: Store, text: str, other: str) -> None:
    """Neither a syntax error nor another artifact, whatever is in it."""
    store.register_types(TYPES)
    found = {}
    for value in {text, other, other.swapcase(), f"{other} "}:
        execution_id = store.start(new(key=key(run_id=uuid.uuid4().hex)))
        made = NewArtifact(
            type_name="ModelBlessing", uri="/x", digest="d", properties={"current_model": value, "text": text}
        )
        stored = store.execution(execution_id)
        assert stored is not None
        found[value] = store.complete(execution_id, stored.key, {"b": [made]}, {})["b"][0]
    for value, artifact in found.items():
        assert artifact.properties["current_model"] == value
        query = ArtifactQuery(equal={"current_model": value, "text": text}, limit=1)
        assert store.artifacts(query)[0].properties == artifact.properties
        listed = store.list_artifacts(
            RecordQuery(conditions=(Condition(name="current_model", value=value),)), Slice(limit=100)
        )
        assert {one.properties["current_model"] for one in listed} == {value}


def test_runs_differ_by_case_and_by_blanks(store: Store) -> None:
    names = ["a", "A", "a ", "\u00e1"]
    for name in names:
        store.open_run(Run(pipeline=name, run_id=name, state=State.RUNNING))
    assert [run.pipeline for name in names if (run := store.run(name))] == names
    assert [[run.run_id for run in store.runs(name)] for name in names] == [[name] for name in names]


def test_names_may_hold_anything(store: Store) -> None:
    odd = NodeKey(
        pipeline="o'brien\\", run_id='manual__2026-01-01T00:00:00+00:00 "x"', node="n'", iteration=(1,)
    )
    store.open_run(Run(pipeline=odd.pipeline, run_id=odd.run_id, state=State.RUNNING))
    execution_id = store.start(new(key=odd))
    made = store.complete(execution_id, odd, {"p'\\": [examples("/back\\slash/'")]}, {})["p'\\"][0]
    assert (made.pipeline, made.node, made.port, made.run_id) == (odd.pipeline, odd.node, "p'\\", odd.run_id)
    assert store.artifacts(ArtifactQuery(pipeline=odd.pipeline, node=odd.node, port="p'\\")) == [made]
    assert store.artifacts_by_uri("/back\\slash/'") == [made]
    found = store.completed(odd)
    assert found is not None
    assert (found.key, found.outputs) == (odd, {"p'\\": (made,)})
    assert [one.id for one in store.node_history(odd.pipeline, odd.node)] == [execution_id]
    assert [one.id for one in store.run_executions(odd.run_id)] == [execution_id]


# --- types and imports ----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1_999, 2_001, 59_000])
def test_texts_may_be_long(store: Store, length: int) -> None:
    """No text that cannot be compressed fits an index of PostgreSQL, where ML Metadata puts all of them."""
    numbers = random.Random(7)
    long = ("\\'\"%é\n" + "".join(chr(numbers.randrange(33, 127)) for _ in range(length)))[:length]
    ready(store)
    store.keep_text("c0ffee", long)
    execution_id = store.start(new(parameters={"text": long, "list": [long]}, facts={"log": long}))
    columns = examples()
    made = dataclasses.replace(
        columns, properties={**columns.properties, "split_names": [long], "note": long}
    )
    store.complete(execution_id, key(), {"examples": [made]}, {"error": {"trace": long}})
    found = store.execution(execution_id)
    assert found is not None
    assert found.parameters == {"text": long, "list": [long]}
    assert found.facts == {"log": long, "error": {"trace": long}}
    (artifact,) = found.outputs["examples"]
    assert (artifact.properties["split_names"], artifact.properties["note"]) == ([long], long)
    assert store.kept_texts(["c0ffee"]) == {"c0ffee": long}
    assert [a.id for a in store.artifacts(ArtifactQuery(equal={"note": long}))] == [artifact.id]


def test_a_type_may_gain_properties_but_not_change_one(store: Store) -> None:
    store.register_types(TYPES)
    more = EXAMPLES.model_copy(
        update={"properties": {**EXAMPLES.properties, "source": PropertyType(kind="str")}}
    )
    store.register_types({"Examples": more})
    store.register_types(TYPES)
    changed = EXAMPLES.model_copy(update={"properties": {"span": PropertyType(kind="str")}})
    with pytest.raises(ArtifactTypeConflictError, match=r"Examples\.span is already stored"):
        store.register_types({"Examples": changed})


def test_an_unregistered_type_can_be_stored(store: Store) -> None:
    execution_id = store.start(new())
    store.complete(execution_id, key(), {"examples": [examples()]}, {})
    found = store.completed(key())
    assert found is not None
    assert found.outputs["examples"][0].properties["rows"] == {"train": 9}


def test_an_import_is_recorded_once(store: Store) -> None:
    ready(store)
    first, artifact = store.import_artifact(new("import"), examples("/outside"))
    second, again = store.import_artifact(new("import", "run-2"), examples("/outside"))
    _, other = store.import_artifact(new("import", "run-3"), examples("/outside", digest="d2"))
    assert artifact == again
    assert other.id != artifact.id
    assert (artifact.node, artifact.run_id) == ("import", "run-1")
    states = [found.state for found in map(store.execution, (first, second)) if found is not None]
    assert states == [State.COMPLETE, State.CACHED]
    assert store.import_artifact(new("import", "run-2"), examples("/outside")) == (second, artifact)


def test_an_import_of_files_that_are_back_revives_the_artifact(store: Store) -> None:
    ready(store)
    _, artifact = store.import_artifact(new("import"), examples("/outside"))
    store.abandon(artifact.id)
    assert store.import_artifact(new("import", "run-2"), examples("/outside"))[1] == artifact
    assert store.artifacts(ArtifactQuery(type_name="Examples")) == [artifact]


def test_a_resolvers_choice_is_recorded(store: Store) -> None:
    ready(store)
    _, artifact = publish(store)
    id_, _ = store.record_resolved(new("window"), {"result": [artifact]})
    found = store.completed(key("window"))
    assert found is not None
    assert (found.id, found.state) == (id_, State.COMPLETE)
    assert found.outputs == {"result": (artifact,)}
    assert store.artifacts(ArtifactQuery(node="window")) == []


def test_who_made_and_who_used_an_artifact(store: Store) -> None:
    ready(store)
    made_by, artifact = publish(store, "ingest", "run-1")
    user = store.start(
        NewExecution(
            key=NodeKey(pipeline="flights", run_id="run-1", node="train"),
            type_name="components.train",
            cache_key="",
            inputs={"examples": (artifact,)},
            parameters={"source": "it's 2%_é.csv"},
        )
    )
    assert [execution.id for execution in store.producers([artifact.id])] == [made_by]
    assert [execution.id for execution in store.consumers([artifact.id])] == [user]
    assert store.consumers([artifact.id], limit=0) == []
    assert list(store.producers([])) == list(store.producers([10**9])) == []


NASTY_FILE = "it's 2%_é.csv"


def reads(store: Store, run_id: str, name: str, sha256: str) -> int:
    parameters = {"source": f"/data/{name}", "found": {"files": [{"name": name, "sha256": sha256}]}}
    execution_id = store.start(new("ingest", run_id, parameters=parameters))
    store.complete(execution_id, key("ingest", run_id), {"examples": [examples(f"/a/{run_id}")]}, {})
    return execution_id


def test_executions_are_found_by_the_files_they_read(store: Store) -> None:
    ready(store)
    ready(store, "run-2")
    first, second = reads(store, "run-1", NASTY_FILE, "ab" * 32), reads(store, "run-2", "b.csv", "ac" * 32)
    failed = store.start(
        new("ingest", "run-3", parameters={"found": [{"name": "b.csv", "sha256": "ac" * 32}]})
    )
    store.finish(failed, State.FAILED, {})

    def named(text: str, kind: MarkKind = MarkKind.FILE_NAME) -> list[int]:
        return [execution.id for execution in store.marked(Mark(kind=kind, text=text), Slice())]

    assert named(NASTY_FILE) == named(f"/data/{NASTY_FILE}") == named("ab" * 32, MarkKind.FILE) == [first]
    assert named("b.csv") == [second]
    assert not any(map(named, ["it's 2__é.csv", "' OR 1=1 --", "", "%", "\\"]))
    assert [mark.text for mark in store.marks(MarkKind.FILE, Slice(), prefix="a")] == ["ac" * 32, "ab" * 32]
    assert [mark.text for mark in store.marks(MarkKind.FILE, Slice(), prefix="ab")] == ["ab" * 32]
    assert not any(store.marks(MarkKind.FILE, Slice(), prefix=text) for text in ("%", "' OR 1=1", "_"))
    assert NASTY_FILE in {mark.text for mark in store.marks(MarkKind.FILE_NAME, Slice())}


def test_executions_are_found_by_the_target_they_changed(store: Store) -> None:
    ready(store)
    for number in range(5):
        ready(store, f"r{number}")
        execution_id = store.start(new("push", f"r{number}"))
        pushed = NewArtifact(
            type_name="PushedModel",
            uri=f"/pushed/{number}",
            digest="d",
            properties={"pushed": number != 3, "pushed_destination": f"/served/it's/{number}"},
        )
        store.complete(execution_id, key("push", f"r{number}"), {"pushed": [pushed]}, {})
    mark = Mark(kind=MarkKind.TARGET, text="/served/it's")
    assert store.marks(MarkKind.TARGET, Slice()) == [mark]
    ids = [execution.id for execution in store.marked(mark, Slice())]
    assert len(ids) == 4
    assert ids == sorted(ids, reverse=True)
    assert [e.id for e in store.marked(mark, Slice(limit=2, before=ids[1]))] == ids[2:4]
    assert [e.id for e in store.marked(mark, Slice(limit=1, after=ids[2], oldest_first=True))] == [ids[1]]
