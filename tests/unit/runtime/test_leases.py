"""Claims on tries: renewed, run out, lost."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline_lib.errors import DeclaredDeadError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import ORPHANED, NewExecution, NodeKey, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.leases import Lease, has_run_out, is_this_machine, lease_facts, machine_facts

KEY = NodeKey(pipeline="toy", run_id="r", node="add")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as opened:
        yield opened


@pytest.fixture
def execution(store: Store) -> int:
    return store.start(
        NewExecution(
            key=KEY, type_name="toy.add", cache_key="", inputs={}, parameters={}, facts={"lease_until": "x"}
        )
    )


def test_it_is_renewed_while_it_is_open(store: Store, execution: int) -> None:
    renewed = threading.Event()
    with Lease(store, execution, cancel=threading.Event(), renew_seconds=0.01) as lease:
        for _ in range(500):
            found = store.execution(execution)
            assert found is not None
            if found.facts["lease_until"] != "x":
                break
            renewed.wait(0.01)
        assert not has_run_out(found.facts)
        assert not lease.is_set()
        lease.require(KEY)


def test_who_was_given_up_is_told_to_stop(store: Store, execution: int) -> None:
    store.finish(execution, State.FAILED, {ORPHANED: True})
    with Lease(store, execution, cancel=threading.Event(), renew_seconds=0.01) as lease:
        assert lease._thread.join(60) is None
        assert lease.is_set()
        with pytest.raises(DeclaredDeadError, match="another try"):
            lease.require(KEY)
    found = store.execution(execution)
    assert found is not None
    assert (found.state, found.facts["lease_until"]) == (State.FAILED, "x")


def test_a_canceled_run_stops_its_tries_and_loses_nothing(store: Store, execution: int) -> None:
    cancel = threading.Event()
    with Lease(store, execution, cancel=cancel) as lease:
        assert not lease.is_set()
        cancel.set()
        assert lease.is_set()
        lease.require(KEY)


@pytest.mark.parametrize(
    ("ago", "out"),
    [
        pytest.param(None, False, id="never-claimed"),
        pytest.param(timedelta(0), False, id="fresh"),
        pytest.param(timedelta(seconds=30), False, id="clocks"),
        pytest.param(timedelta(minutes=2), True, id="old"),
    ],
)
def test_when_it_has_run_out(ago: timedelta | None, out: bool) -> None:
    facts = {} if ago is None else {"lease_until": (datetime.now(UTC) - ago).isoformat()}
    assert has_run_out(facts) is out
    assert not has_run_out(lease_facts())


def test_which_machine_is_this() -> None:
    here = machine_facts()
    assert here["pid_namespace"] == str(Path("/proc/self/ns/pid").readlink())
    assert is_this_machine(here)
    assert is_this_machine({"host": here["host"]}), "recorded before name spaces were"
    assert not is_this_machine({**here, "pid_namespace": "pid:[1]"})
    assert not is_this_machine({**here, "host": "elsewhere"})
    assert not is_this_machine({})
