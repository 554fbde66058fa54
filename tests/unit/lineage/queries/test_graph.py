"""Walks up and down the store."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline_lib.errors import LineageCycleError, LineageQueryError
from pipeline_lib.lineage import Bounds, downstream, upstream
from unit.lineage.conftest import Audited


def test_up_and_down_meet(audited: Audited) -> None:
    examples, model = audited.made("Examples")[0], audited.made("Model")[0]
    assert examples in upstream(audited.store, [model]).artifacts
    assert model in downstream(audited.store, [examples]).of_type("Model")


def test_the_order_of_the_starts_does_not_matter(audited: Audited) -> None:
    examples = audited.made("Examples")
    one, other = (downstream(audited.store, starts) for starts in (examples, examples[::-1]))
    assert (one.artifacts, one.executions) == (other.artifacts, other.executions)


@pytest.mark.parametrize("bounds", [{"depth": 0}, {"artifacts": -1}])
def test_bounds_are_positive(bounds: dict[str, int]) -> None:
    with pytest.raises(LineageQueryError, match="needs a depth"):
        Bounds(**bounds)


def test_no_more_artifacts_than_asked_for(audited: Audited) -> None:
    found = downstream(audited.store, audited.made("Examples")[:1], bounds=Bounds(artifacts=2))
    assert len(found.artifacts) == 2
    assert found.truncated


class Planted:
    """A store in which an artifact is made from what was made of it, and another has no maker."""

    def __init__(self, audited: Audited) -> None:
        self.model = audited.made("Model")[0]
        (made,) = audited.store.producers([self.model.id])
        self.execution = made

    def producers(self, _: Any) -> Any:
        return [replace(self.execution, inputs={"examples": (self.model,)})]

    def consumers(self, _: Any, *, limit: int) -> Any:
        assert limit > 0
        return self.producers(_)


def test_a_planted_cycle_ends_and_is_told(audited: Audited) -> None:
    planted: Any = Planted(audited)
    with pytest.raises(LineageCycleError, match="its own ancestor"):
        upstream(planted, [planted.model])
    assert downstream(planted, [planted.model]).artifacts == (planted.model,)


def test_an_artifact_without_a_maker_is_an_orphan(audited: Audited) -> None:
    nobody: Any = type("Nobody", (), {"producers": lambda *_: []})()
    model = audited.made("Model")[0]
    assert upstream(nobody, [model]).orphans == (model.id,)
