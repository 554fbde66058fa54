"""rolling_window, latest and latest_blessed, on a history kept in a list and in plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib import (
    Artifact,
    Examples,
    Model,
    ModelBlessing,
    for_each,
    latest,
    latest_blessed,
    rolling_window,
)
from pipeline_lib.errors import ParameterTypeError, ResolutionError, WireTypeError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, compiled, ensemble, ingest, judge, train


@dataclass
class Shelf:
    """Artifacts, newest first, as the store gives them."""

    kept: Sequence[Artifact]
    span: date | None = date(2013, 1, 10)
    pipeline: str = "test"
    run_id: str = "1"
    asked: list[dict[str, Any]] = field(default_factory=list)

    def artifacts(
        self,
        kind: type[Any],
        *,
        like: Any = None,
        spans: tuple[int, int] | None = None,
        before_this_span: bool = False,
        equal: Mapping[str, Any] | None = None,
        limit: int = 100,
    ) -> list[Any]:
        self.asked.append({"like": like, "before_this_span": before_this_span, "equal": equal})
        found = [a for a in self.kept if isinstance(a, kind)]
        if spans is not None:
            found = [a for a in found if spans[0] <= a.property_values()["span"] <= spans[1]]
        for name, value in (equal or {}).items():
            found = [a for a in found if a.property_values().get(name) == value]
        return found[:limit]

    def artifact(self, kind: type[Any], artifact_id: int) -> Any:
        found = (a for a in self.kept if isinstance(a, kind) and a.id == artifact_id)
        return next(found, None)


def examples(id_: int, span: int) -> Examples:
    return Examples.at(f"/{id_}", id=id_, span=span)


def test_window_takes_the_newest_of_each_span_oldest_first() -> None:
    today = examples(9, 10)
    shelf = Shelf([today, examples(8, 9), examples(7, 8), examples(6, 9), examples(5, 4)])
    assert [e.id for e in rolling_window.run(shelf, today, spans=3)] == [7, 8, 9]
    assert shelf.asked[0]["like"] is today


def test_window_keeps_the_one_it_was_given() -> None:
    mine = examples(3, 10)
    assert rolling_window.run(Shelf([examples(9, 10), mine]), mine, spans=2) == [mine]


def test_window_may_be_too_small() -> None:
    with pytest.raises(ResolutionError, match="found 1 of the 3 spans"):
        rolling_window.run(Shelf([]), examples(1, 10), spans=7, minimum=3)


def test_window_needs_spans() -> None:
    with pytest.raises(ResolutionError, match="cannot tell the span"):
        rolling_window.run(Shelf([]), Model.at("/m"), spans=7)


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 20), st.integers(1, 10))
def test_window_is_sorted_unique_and_inside(spans: list[int], last: int, length: int) -> None:
    today = examples(1000, last)
    found = rolling_window.run(
        Shelf([today, *(examples(i, s) for i, s in enumerate(spans))]), today, spans=length
    )
    got = [e.span for e in found]
    assert got == sorted(set(got))
    assert set(got) == {last} | {s for s in spans if last - length < s <= last}


def blessing(model: int, *, blessed: bool = True) -> ModelBlessing:
    return ModelBlessing.at(f"/b{model}", blessed=blessed, current_model_id=model)


def model(id_: int, digest: str = "") -> KerasModel:
    return KerasModel.at(f"/m{id_}", id=id_, digest=digest or str(id_))


def test_latest_blessed_is_the_model_of_the_newest_blessing() -> None:
    shelf = Shelf([model(3), blessing(3, blessed=False), model(2), blessing(2), model(1), blessing(1)])
    found = latest_blessed.run(shelf, KerasModel)
    assert found is not None
    assert found.id == 2
    assert all(asked["before_this_span"] for asked in shelf.asked)


def test_latest_blessed_is_never_the_model_itself() -> None:
    shelf = Shelf([model(2), blessing(2), model(1, "same"), blessing(1)])
    assert latest_blessed.run(shelf, KerasModel, other_than=model(2)).id == 1  # type: ignore[union-attr]
    assert (
        latest_blessed.run(Shelf([model(1, "same"), blessing(1)]), KerasModel, other_than=model(5, "same"))
        is None
    )


def test_latest_blessed_of_nothing() -> None:
    assert latest_blessed.run(Shelf([model(1)]), KerasModel) is None
    assert latest_blessed.run(Shelf([blessing(1)], span=None), KerasModel) is None


def test_latest_of_a_class_and_of_an_artifact() -> None:
    shelf = Shelf([model(3), model(2)])
    assert latest.run(shelf, KerasModel) is shelf.kept[0]
    assert latest.run(shelf, model(3)) is shelf.kept[1]
    assert latest.run(Shelf([]), Model) is None


def test_types_are_solved_in_the_plan() -> None:
    def body(window: int = 7) -> None:
        today = ingest()
        recent = rolling_window(today, spans=window)
        ensemble([train(e).model for e in for_each(recent)])
        trained = train(recent[0]).model
        judge(trained, baseline=latest_blessed(KerasModel, other_than=trained))
        judge(trained, baseline=latest(trained))
        judge(trained, baseline=latest(KerasModel))

    plan = compiled(body)
    window = plan.node("rolling_window")
    assert window.kind == "resolver"
    assert window.inputs["of"].artifact_type == "Examples"
    assert window.outputs["result"].model_dump() == {
        "artifact_type": "Examples",
        "optional": False,
        "many": True,
    }
    assert plan.loops[0].artifact_type == "Examples"
    blessed = plan.node("latest_blessed")
    assert blessed.parameters["kind"] == ex.Constant(value=f"{KerasModel.__module__}:KerasModel")
    assert blessed.outputs["result"].optional
    assert plan.node("latest").inputs["of"].artifact_type == "KerasModel"
    assert plan.node("latest_2").inputs == {}
    assert plan.node("latest_2").parameters["of"] == blessed.parameters["kind"]


def test_wrong_kinds_are_refused() -> None:
    with pytest.raises(ParameterTypeError, match=r"latest_blessed\.kind cannot be"):
        compiled(lambda: latest_blessed(3))  # type: ignore[arg-type]

    def mixed() -> None:
        latest_blessed(KerasModel, other_than=ingest())  # type: ignore[type-var, misc]

    with pytest.raises(WireTypeError, match=r"latest_blessed\.other_than cannot read ingest\.examples"):
        compiled(mixed)


def test_resolver_is_executed_with_the_class_the_plan_names() -> None:
    @dataclass
    class Record:
        id: int
        uri: str
        digest: str
        properties: dict[str, Any]
        artifact_class: str

    today = Record(9, "/9", "d", {"span": 10}, "pipeline_lib.artifacts.standard:Examples")
    (found,) = rolling_window.execute(Shelf([]), {"of": [today]}, {"spans": 3, "minimum": 1})
    assert isinstance(found, Examples)
    assert (found.id, found.span) == (9, 10)
