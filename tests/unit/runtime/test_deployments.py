"""What is live, and why: pushes by the launcher, moves by hand, and what the store did not know at once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.artifacts.standard import PushedModel
from pipeline_lib.errors import NoSuchVersionError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.deployments import history, interrupted, live_then, move, record_missing
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as opened:
        yield opened


@pytest.fixture
def target(tmp_path: Path) -> ServingTarget:
    return ServingTarget(ServingSettings(base_path=str(tmp_path / "serving")), "delays", user="ann")


def model(tmp_path: Path, text: str) -> Path:
    directory = tmp_path / text
    directory.mkdir(exist_ok=True)
    (directory / "saved_model.pb").write_bytes(b"\x08\x01" + text.encode())
    return directory


Push = Callable[..., int]


@pytest.fixture
def push(store: Store, target: ServingTarget, tmp_path: Path) -> Push:
    """Pushes as a run does: the base path first, the record of the launcher after it."""

    def pushed(text: str, run_id: str) -> int:
        change = target.push(model(tmp_path, text), origin={}, reason=f"pushed by run {run_id}")
        assert isinstance(change, Change)
        store.open_run(Run(pipeline="nightly", run_id=run_id, state=State.RUNNING))
        key = NodeKey(pipeline="nightly", run_id=run_id, node="push")
        execution = NewExecution(key=key, type_name="push", cache_key="", inputs={}, parameters={})
        made: dict[str, Any] = {
            "pushed": True,
            "pushed_version": str(change.version),
            "pushed_destination": f"{change.serving_target}/{change.version}",
        }
        artifact = NewArtifact(
            type_name=PushedModel.type_name, uri=f"/{run_id}", digest=text, properties=made
        )
        store.complete(store.start(execution), key, {"pushed_model": [artifact]}, change.facts())
        return change.version

    return pushed


def test_history_says_what_was_live_when_and_why(store: Store, target: ServingTarget, push: Push) -> None:
    one, two = push("one", "monday"), push("two", "tuesday")
    change = move(store, target, "rollback", None, reason="too many alarms")
    assert (change.version, target.ledger().unrecorded) == (one, ())
    found = history(store, model="delays")
    assert [(found_one.action, found_one.version, found_one.previous_version) for found_one in found] == [
        ("rollback", one, two),
        ("push", two, one),
        ("push", one, None),
    ]
    assert (found[0].reason, found[0].user) == ("too many alarms", "ann")
    assert found[0].pushed_model == found[2].pushed_model is not None
    assert [each.version for each in live_then(found, found[1].live_at)] == [two]
    assert [each.version for each in live_then(found, datetime.now(UTC))] == [one]
    assert live_then(found, found[2].live_at - timedelta(seconds=1)) == []
    assert history(store, model="other") == []


def test_a_retried_push_is_told_once(store: Store, push: Push) -> None:
    push("one", "monday")
    push("one", "monday-again")
    (only,) = history(store)
    assert only.run_id == "monday"


def test_a_move_that_fails_is_recorded_as_failed(store: Store, target: ServingTarget, push: Push) -> None:
    push("one", "monday")
    with pytest.raises(NoSuchVersionError):
        move(store, target, "rollback", None, reason="")
    (run,) = store.runs("serving")
    (execution,) = store.run_executions(run.run_id)
    assert (run.state, execution.state) == (State.FAILED, State.FAILED)
    assert "no version of delays to go back to" in execution.facts["reason"]
    assert len(history(store)) == 1


def test_a_move_without_the_store_is_recorded_later(store: Store, target: ServingTarget, push: Push) -> None:
    one, _ = push("one", "monday"), push("two", "tuesday")
    change = move(None, target, "rollback", None, reason="the database was down")
    assert record_missing(store, target) == 1
    assert record_missing(store, target) == 0
    newest = history(store)[0]
    assert (newest.action, newest.version, newest.reason) == ("rollback", one, "the database was down")
    assert newest.live_at.isoformat(timespec="milliseconds") == change.live_at


def test_the_doctor_finds_a_push_that_died(target: ServingTarget, push: Push, tmp_path: Path) -> None:
    one = push("one", "monday")
    settings = ServingSettings(base_path=str(tmp_path / "serving"))
    assert list(interrupted(settings, mend=False)) == []
    target.base.write_ledger(target.ledger().begun("push", one + 1, "bob"))
    (found,) = interrupted(settings, mend=False)
    assert (found.kind, found.subject) == ("serving", "delays")
    (mended,) = interrupted(settings, mend=True)
    assert "did not end was taken back" in mended.mended
    assert list(interrupted(settings, mend=False)) == []
