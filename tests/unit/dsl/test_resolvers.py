"""@resolver: choosing artifacts of earlier runs, on a history of one's own."""

import pickle
from datetime import date
from typing import Any

import pytest

from pipeline_lib import Examples, History, resolver
from pipeline_lib.errors import OutsidePipelineError, ResultError, RunInsidePipelineError
from unit.dsl.parts import KerasModel, best, compiled, ingest


class FakeHistory:
    pipeline = "test"
    run_id = "1"
    span = date(2013, 1, 1)

    def __init__(self, *found: Any) -> None:
        self.found = found

    def artifacts(self, kind: type[Any], **_: Any) -> list[Any]:
        return [artifact for artifact in self.found if isinstance(artifact, kind)]

    def artifact(self, kind: type[Any], artifact_id: int) -> Any:
        return next((a for a in self.artifacts(kind) if a.id == artifact_id), None)


def test_resolver_runs_on_a_history_of_ones_own() -> None:
    good, bad = KerasModel.at("/a", accuracy=0.9), KerasModel.at("/b", accuracy=0.1)
    assert best.run(FakeHistory(bad, good), KerasModel, minimum=0.5) is good
    assert best.run(FakeHistory(), KerasModel) is None


def test_resolver_executes_on_plain_json() -> None:
    good = KerasModel.at("/a", accuracy=0.9)
    kind = {"kind": f"{KerasModel.__module__}:KerasModel", "minimum": 0.2}
    assert best.execute(FakeHistory(good), {}, kind) == (good,)
    assert best.execute(FakeHistory(), {}, kind) == ()


@resolver
def liar(history: History, of: Examples) -> Examples:
    return None  # type: ignore[return-value]


def test_what_it_returns_is_checked() -> None:
    with pytest.raises(ResultError, match="liar returned NoneType"):
        liar.run(FakeHistory(), Examples.at("/x"))


def test_call_outside_and_run_inside_a_pipeline() -> None:
    with pytest.raises(OutsidePipelineError, match="best"):
        best(KerasModel)
    with pytest.raises(RunInsidePipelineError, match="best"):
        compiled(lambda: best.run(FakeHistory(), KerasModel))


def test_id_and_after() -> None:
    def body() -> None:
        examples = ingest()
        best.options(id="best_keras", after=[examples])(KerasModel)

    node = compiled(body).node("best_keras")
    assert (node.kind, node.after, list(node.outputs)) == ("resolver", ("ingest",), ["result"])


def test_pickles_by_reference() -> None:
    assert pickle.loads(pickle.dumps(best)) is best
