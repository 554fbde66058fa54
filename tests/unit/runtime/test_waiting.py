"""Waiting for outside data in the local runner."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_lib.errors import DataMissingError
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.models import Node
from pipeline_lib.runtime.results import Event, NodeStep, Step
from pipeline_lib.runtime.waiting import Waiting, prepare_when_there
from unit.runtime.toy_runs import node_of, scope_of, toy_plan, toy_profile

KEY = NodeKey(pipeline="arriving", run_id="r", node="arrive")


def prepared(folder: Path, waiting: Waiting | None, wait_seconds: float) -> str:
    toy_plan("chain")  # puts the toys on the path
    from nightly.pipeline import arriving

    plan = arriving.compile()
    given = {"day": "2026-01-01", "folder": str(folder), "wait_seconds": wait_seconds}
    node: Node = node_of(plan, "arrive")
    found = prepare_when_there(node, KEY, scope_of(plan, given), toy_profile(folder), waiting)
    return str(found.parameters["text"])


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def waiting(told: list[Event]) -> Waiting:
    return Waiting(cancel=threading.Event(), observe=told.append)


def test_it_goes_on_when_the_data_comes(tmp_path: Path, waiting: Waiting, told: list[Event]) -> None:
    late = threading.Timer(0.2, (tmp_path / "2026-01-01.txt").write_text, ["5"])
    late.start()
    assert prepared(tmp_path, waiting, 30) == "5"
    late.join()
    assert [event.step for event in told if isinstance(event, NodeStep)] == [Step.WAITING_FOR_DATA]


@pytest.mark.parametrize(
    ("wait_seconds", "change"),
    [
        pytest.param(0.1, lambda waiting: waiting, id="too late"),
        pytest.param(0.0, lambda waiting: waiting, id="the pipeline does not wait"),
        pytest.param(60.0, lambda _: None, id="nobody waits here"),
        pytest.param(60.0, lambda waiting: waiting.cancel.set() or waiting, id="canceled"),
    ],
)
def test_it_fails_when_the_data_does_not_come(
    tmp_path: Path, waiting: Waiting, wait_seconds: float, change: Callable[[Waiting], Waiting | None]
) -> None:
    started = time.monotonic()
    with pytest.raises(DataMissingError, match=r"2026-01-01.txt is not there"):
        prepared(tmp_path, change(waiting), wait_seconds)
    assert time.monotonic() - started < 30
