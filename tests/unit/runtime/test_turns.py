"""Who waits for whom, for how long, and what wakes him."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.artifacts.store import open_artifact_store
from pipeline_lib.errors import ExecutionCanceledError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ORPHANED, NewExecution, NodeKey, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.leases import lease_facts
from pipeline_lib.runtime.processes import birth_of
from pipeline_lib.runtime.turns import LookAgainError, Turn

HERE = {"host": socket.gethostname(), "pid": os.getpid(), "pid_started": birth_of(os.getpid())}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as opened:
        yield opened


class Waiter:
    """A turn, and what it was told; `on_wait` happens when it begins to wait."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.told: list[str] = []
        self.on_wait: list[Any] = []
        self.turn = Turn(
            store=store,
            artifacts=open_artifact_store(str(folder / "root"), cache_dir=folder / "cache"),
            cancel=threading.Event(),
            tell=self._tell,
        )

    def _tell(self, detail: str) -> None:
        self.told.append(detail)
        for happen in self.on_wait:
            happen()


@pytest.fixture
def waiter(store: Store, tmp_path: Path) -> Waiter:
    return Waiter(store, tmp_path)


def wanted(run_id: str, facts: dict[str, Any] | None = None) -> NewExecution:
    return NewExecution(
        key=NodeKey(pipeline="toy", run_id=run_id, node="add"),
        type_name="toy.add",
        cache_key="c0ffee",
        inputs={},
        parameters={},
        facts={**(HERE if facts is None else facts), **lease_facts()},
    )


def states(store: Store, run_id: str) -> list[State]:
    return [execution.state for execution in store.run_executions(run_id)]


def test_the_first_does_not_wait(store: Store, waiter: Waiter) -> None:
    waiter.turn.start(wanted("first"), claims=True)
    assert waiter.told == []
    assert states(store, "first") == [State.RUNNING]


def test_the_second_waits_for_the_result_and_registers_nothing(store: Store, waiter: Waiter) -> None:
    first = waiter.turn.start(wanted("first"), claims=True)
    waiter.on_wait.append(lambda: store.complete(first, wanted("first").key, {}, {}))
    with pytest.raises(LookAgainError):
        waiter.turn.start(wanted("second"), claims=True)
    assert waiter.told == ["run first computes it"]
    assert states(store, "second") == []


def test_a_result_made_between_look_up_and_claim_is_taken(store: Store, waiter: Waiter) -> None:
    first = waiter.turn.start(wanted("first"), claims=True)
    store.complete(first, wanted("first").key, {}, {})
    with pytest.raises(LookAgainError):
        waiter.turn.start(wanted("second"), claims=True, seen=0)
    assert states(store, "second") == [State.CANCELED]
    waiter.turn.start(wanted("second"), claims=True, seen=first)  # it is of no use, says the look-up
    assert states(store, "second") == [State.CANCELED, State.RUNNING]


def test_who_does_not_share_does_not_wait(store: Store, waiter: Waiter) -> None:
    waiter.turn.start(wanted("first"), claims=True)
    waiter.turn.start(wanted("forced"), claims=False)
    assert (waiter.told, states(store, "forced")) == ([], [State.RUNNING])


def test_another_try_of_the_same_node_does_not_wait(store: Store, waiter: Waiter) -> None:
    for _ in range(2):
        waiter.turn.start(wanted("first"), claims=True)
    assert (waiter.told, states(store, "first")) == ([], [State.RUNNING, State.RUNNING])


def test_a_dead_one_is_cleared_away_and_its_turn_taken(store: Store, waiter: Waiter) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    facts = {**HERE, "pid": process.pid, "pid_started": birth_of(process.pid)}
    process.wait()
    dead = waiter.turn.start(wanted("dead", facts), claims=True)
    with pytest.raises(LookAgainError):
        waiter.turn.start(wanted("next"), claims=True)
    found = store.execution(dead)
    assert found is not None
    assert (found.state, found.facts[ORPHANED]) == (State.FAILED, True)
    waiter.turn.start(wanted("next"), claims=True)
    assert states(store, "next") == [State.RUNNING]


def test_one_that_failed_by_itself_lets_all_go_who_waited(store: Store, waiter: Waiter) -> None:
    first = waiter.turn.start(wanted("first"), claims=True)
    waiter.on_wait.append(lambda: store.finish(first, State.FAILED, {"error": {}}))
    waiter.turn.start(wanted("second"), claims=True)
    assert states(store, "second") == [State.RUNNING]


def test_one_that_was_canceled_leaves_its_turn_to_one_other(store: Store, waiter: Waiter) -> None:
    first = waiter.turn.start(wanted("first"), claims=True)
    waiter.on_wait.append(lambda: store.finish(first, State.CANCELED, {}))
    with pytest.raises(LookAgainError):
        waiter.turn.start(wanted("second"), claims=True)


def test_one_that_shows_no_sign_of_life_is_not_waited_for(store: Store, waiter: Waiter) -> None:
    """Its process is there, and may be stopped: nobody can tell from one that works but by the lease."""
    waiter.turn.start(wanted("asleep"), claims=True)
    hasty = replace(waiter.turn, patience_seconds=0.2)
    hasty.start(wanted("second"), claims=True)
    assert states(store, "second") == [State.RUNNING]
    assert states(store, "asleep") == [State.RUNNING], "it may still wake up"


def test_renewing_keeps_the_others_waiting(store: Store, waiter: Waiter) -> None:
    first = waiter.turn.start(wanted("first"), claims=True)
    hasty = replace(waiter.turn, patience_seconds=0.4)
    ended = threading.Event()

    def work() -> None:
        for number in range(10):
            store.renew(first, {"lease_until": f"sign {number}"})
            ended.wait(0.1)
        store.complete(first, wanted("first").key, {}, {})

    thread = threading.Thread(target=work)
    waiter.on_wait.append(thread.start)
    with pytest.raises(LookAgainError):
        hasty.start(wanted("second"), claims=True)
    thread.join()


def test_waiting_can_be_canceled(store: Store, waiter: Waiter) -> None:
    waiter.turn.start(wanted("first"), claims=True)
    waiter.on_wait.append(waiter.turn.cancel.set)
    with pytest.raises(ExecutionCanceledError, match="while run first computed"):
        waiter.turn.start(wanted("second"), claims=True)
    assert states(store, "second") == []
