"""Tries of a node, one after the other."""

import sys
import threading
from collections.abc import Iterator

import pytest

from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.models import Options
from pipeline_lib.runtime.failures import TryFailedError
from pipeline_lib.runtime.repetition import repeated
from pipeline_lib.runtime.results import NodeResult, Outcome

KEY = NodeKey(pipeline="p", run_id="r", node="n")
GOOD = NodeResult(key=KEY, outcome=Outcome.COMPLETE)
BAD = NodeResult(key=KEY, outcome=Outcome.FAILED, reason="it broke")


class Tries:
    """Gives one result after the other, and counts the pauses."""

    def __init__(self, *retryable: bool | None) -> None:
        self._left: Iterator[bool | None] = iter(retryable)
        self.pauses = 0

    def __call__(self) -> NodeResult:
        retryable = next(self._left)
        if retryable is None:
            return GOOD
        raise TryFailedError(BAD, retryable=retryable)

    def paused(self) -> None:
        self.pauses += 1

    def of(self, retries: int, *, delay: float = 0.0, cancel: threading.Event | None = None) -> NodeResult:
        options = Options(retries=retries, retry_delay_seconds=delay)
        return repeated(self, options, cancel=cancel or threading.Event(), before_sleep=self.paused)


def test_a_failure_that_may_mend_is_tried_again() -> None:
    tries = Tries(True, True, None)
    assert tries.of(2) is GOOD
    assert tries.pauses == 2


@pytest.mark.parametrize(
    ("outcomes", "retries"),
    [
        pytest.param([True], 0, id="no-retries"),
        pytest.param([True, True], 1, id="used-up"),
        pytest.param([False], 5, id="for-good"),
    ],
)
def test_the_last_failure_is_told(outcomes: list[bool], retries: int) -> None:
    tries = Tries(*outcomes)
    with pytest.raises(TryFailedError, match="it broke"):
        tries.of(retries)
    assert tries.pauses == len(outcomes) - 1


def test_a_cancel_ends_a_pause() -> None:
    cancel = threading.Event()
    cancel.set()
    assert Tries(True, None).of(1, delay=3600.0, cancel=cancel) is GOOD


def test_a_node_without_retries_does_not_import_tenacity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tenacity", None)  # an import of it would now fail
    assert Tries(None).of(0) is GOOD
