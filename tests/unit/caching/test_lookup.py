"""Earlier results are found in a real store, and only whole ones are used."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store
from pipeline_lib.caching import Hit, KeyParts, Miss, cache_key, find
from pipeline_lib.errors import ArtifactStoreError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ArtifactState, NewArtifact, NewExecution, NodeKey, Ports, Run, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import ArtifactType, CachePolicy, CodeRef

PARTS = KeyParts(component="delays.steps:train", files={"delays/model.py": "1"}, parameters={"steps": 5})
DAY = timedelta(days=1)


class Counting:
    """Passes every call on to a real store, and counts them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            return getattr(self.store, name)(*args, **kwargs)

        return call


class History:
    """A store in which the node `train` has run."""

    def __init__(self, store: Store, artifacts: ArtifactStore) -> None:
        self.store, self.artifacts = store, artifacts
        self.runs = 0

    def start(self, parts: KeyParts, *, cache_key_: str | None = None) -> tuple[NodeKey, NewExecution]:
        self.runs += 1
        key = NodeKey(pipeline="delays", run_id=f"run-{self.runs}", node="train")
        self.store.open_run(Run(pipeline="delays", run_id=key.run_id, state=State.RUNNING))
        return key, NewExecution(
            key=key,
            type_name="delays.steps.train",
            cache_key=cache_key(parts) if cache_key_ is None else cache_key_,
            inputs={},
            parameters={},
            facts={"cache_parts": parts.as_json()},
        )

    def complete(self, parts: KeyParts = PARTS, *, cache_key_: str | None = None) -> Ports:
        key, execution = self.start(parts, cache_key_=cache_key_)
        execution_id = self.store.start(execution)
        staged = self.artifacts.staging(f"e{execution_id}") / "model"
        staged.mkdir(parents=True)
        (staged / "saved_model.pb").write_text("weights")
        (staged / "notes.txt").write_text("notes")
        manifest = self.artifacts.seal(staged, "Model", {})
        uri = self.artifacts.publish(
            staged, manifest, pipeline="delays", node="train", port="model", execution_id=execution_id
        )
        made = NewArtifact(type_name="Model", uri=uri, digest=manifest.digest, properties={})
        return self.store.complete(execution_id, key, {"model": (made,)}, {})

    def reuse(self, parts: KeyParts = PARTS) -> None:
        _, execution = self.start(parts)
        hit = self.find(parts)
        assert isinstance(hit, Hit)
        self.store.record_cached(execution, hit.outputs, cached_from=hit.execution.id)

    def find(self, parts: KeyParts = PARTS, policy: CachePolicy | None = None, **options: Any) -> Hit | Miss:
        options = {"now": datetime.now(UTC), **options}
        return find(
            options.pop("store", self.store),
            self.artifacts,
            parts,
            policy or CachePolicy(),
            pipeline="delays",
            node="train",
            **options,
        )

    def miss(self, *args: Any, **options: Any) -> tuple[str, str]:
        found = self.find(*args, **options)
        assert isinstance(found, Miss)
        return found.reason.kind, found.reason.text


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with open_store(f"sqlite:///{tmp_path / 'metadata.sqlite'}") as store:
        store.register_types(
            {"Model": ArtifactType(code=CodeRef(module="m", qualname="Model"), base_type="Model")}
        )
        yield History(
            store, open_artifact_store(str(tmp_path / "artifacts"), {}, cache_dir=tmp_path / "cache")
        )


def test_the_first_time_is_a_miss(history: History) -> None:
    assert history.miss() == ("no_history", "first execution")


def test_the_same_key_is_a_hit(history: History) -> None:
    outputs = history.complete()
    found = history.find()
    assert isinstance(found, Hit)
    assert found.outputs["model"][0].id == outputs["model"][0].id
    assert found.execution.state is State.COMPLETE


def test_another_key_is_a_miss_with_the_reason(history: History) -> None:
    history.complete()
    edited = KeyParts.from_json(PARTS.as_json() | {"files": {"delays/model.py": "2"}})
    assert history.miss(edited) == ("source", "model.py changed")


def test_a_hit_costs_one_look_up_and_a_miss_one_more(history: History) -> None:
    for _ in range(5):
        history.complete()
    counting = Counting(history.store)
    assert isinstance(history.find(store=counting), Hit)
    assert counting.calls == ["cache_candidates"]
    history.miss(KeyParts(component="other:f"), store=counting)
    assert counting.calls == ["cache_candidates", "cache_candidates", "node_history"]


def test_a_result_that_was_itself_a_hit_can_be_used(history: History) -> None:
    outputs = history.complete()
    history.reuse()
    found = history.find()
    assert isinstance(found, Hit)
    assert found.execution.state is State.CACHED
    assert found.outputs["model"][0].id == outputs["model"][0].id


@pytest.mark.parametrize(
    ("policy", "force", "expected"),
    [
        (CachePolicy(enabled=False), False, ("off", "caching is off for this node")),
        (CachePolicy(), True, ("forced", "forced")),
    ],
)
def test_a_node_may_refuse_what_is_there_at_no_cost(
    history: History, policy: CachePolicy, force: bool, expected: tuple[str, str]
) -> None:
    history.complete()
    counting = Counting(history.store)
    assert history.miss(policy=policy, force=force, store=counting) == expected
    assert counting.calls == []


def test_a_result_may_be_too_old(history: History) -> None:
    history.complete()
    policy, now = CachePolicy(max_age_seconds=86_400), datetime.now(UTC)
    assert isinstance(history.find(policy=policy, now=now + 0.9 * DAY), Hit)
    assert history.miss(policy=policy, now=now + 3 * DAY) == (
        "expired",
        "the result is 3 d old, 24 h are allowed",
    )


def test_a_clock_that_was_set_back_does_not_make_a_result_last_longer(history: History) -> None:
    history.complete()
    policy, now = CachePolicy(max_age_seconds=86_400), datetime.now(UTC)
    assert isinstance(history.find(policy=policy, now=now - timedelta(minutes=1)), Hit), "clocks differ"
    assert history.miss(policy=policy, now=now - 3 * DAY) == (
        "expired",
        "the result is dated 3 d ahead of this clock, 24 h are allowed",
    )
    assert isinstance(history.find(now=now - 3 * DAY), Hit), "without a limit no clock is asked"


def test_using_a_result_does_not_make_it_younger(history: History) -> None:
    history.complete()
    made = datetime.now(UTC)
    while datetime.now(UTC) - made < timedelta(seconds=0.2):
        pass
    history.reuse()
    policy = CachePolicy(max_age_seconds=0.15)
    assert history.miss(policy=policy, now=datetime.now(UTC))[0] == "expired"


def damage(outputs: Ports, name: str, text: str | None) -> int:
    file = Path(outputs["model"][0].uri) / name
    file.chmod(0o644)
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    return outputs["model"][0].id


@pytest.mark.parametrize(
    ("name", "text", "full", "message"),
    [
        ("saved_model.pb", None, False, "saved_model.pb is gone"),
        ("saved_model.pb", "w", False, "saved_model.pb has another size"),
        ("saved_model.pb", "thgiews", True, "saved_model.pb"),
        ("notes.txt", None, False, "notes.txt is gone"),
    ],
)
def test_a_damaged_result_is_a_recorded_miss_that_names_the_file(
    history: History, name: str, text: str | None, full: bool, message: str
) -> None:
    artifact_id = damage(history.complete(), name, text)
    kind, said = history.miss(verify_full=full)
    assert kind == "damaged"
    assert said.startswith("model is damaged: ")
    assert message in said
    stored = history.store.artifact(artifact_id)
    assert stored is not None
    assert stored.state is ArtifactState.ABANDONED
    assert history.miss(verify_full=full) == ("damaged", f"model is lost: Model {artifact_id} is abandoned")


def test_a_file_changed_without_a_trace_is_found_only_by_hashing(history: History) -> None:
    damage(history.complete(), "saved_model.pb", "thgiews")
    assert isinstance(history.find(), Hit)
    assert history.miss(verify_full=True)[0] == "damaged"


def test_a_forecast_marks_nothing(history: History) -> None:
    artifact_id = damage(history.complete(), "notes.txt", None)
    assert history.miss(record_damage=False)[0] == "damaged"
    stored = history.store.artifact(artifact_id)
    assert stored is not None
    assert stored.state is ArtifactState.LIVE


def test_an_older_whole_result_stands_in_for_a_damaged_one(history: History) -> None:
    older = history.complete()
    damage(history.complete(), "notes.txt", None)
    found = history.find()
    assert isinstance(found, Hit)
    assert found.outputs["model"][0].id == older["model"][0].id


def test_a_damaged_artifact_is_marked_once_however_often_it_was_used(history: History) -> None:
    outputs = history.complete()
    history.reuse()
    history.reuse()
    damage(outputs, "notes.txt", None)
    counting = Counting(history.store)
    assert history.miss(store=counting)[0] == "damaged"
    assert counting.calls == ["cache_candidates", "abandon", "cache_candidates"]


def test_a_store_that_cannot_be_read_is_no_damage(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact_id = history.complete()["model"][0].id

    def unreachable(*args: Any, **kwargs: Any) -> None:
        raise ArtifactStoreError("no network", fix="wait")

    monkeypatch.setattr(history.artifacts, "verify", unreachable)
    with pytest.raises(ArtifactStoreError, match="no network"):
        history.find()
    stored = history.store.artifact(artifact_id)
    assert stored is not None
    assert stored.state is ArtifactState.LIVE


def test_a_failed_try_is_no_result(history: History) -> None:
    _, execution = history.start(PARTS)
    history.store.finish(history.store.start(execution), State.FAILED, {})
    assert history.miss() == ("no_history", "no earlier result: the last try is FAILED")


def test_a_result_made_with_caching_off_is_not_found(history: History) -> None:
    history.complete(cache_key_="")
    assert history.miss() == ("no_history", "the earlier result was made with caching off")
