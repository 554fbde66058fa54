"""either: one artifact out of several branches."""

import pytest

from pipeline_lib import either, for_each, otherwise, when
from pipeline_lib.errors import ConditionalUseError, ConditionError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, best, compiled, ingest, judge, train


def both_arms(force: bool = False) -> None:
    with when(force):
        a = train(ingest()).model
    with otherwise():
        b = train(ingest()).model
    judge(either(a, b))


def test_either_over_all_arms_is_certain() -> None:
    plan = compiled(both_arms)
    assert plan.node("judge").inputs["model"].source == ex.Either(
        choices=(ex.FromOutput(node="train", port="model"), ex.FromOutput(node="train_2", port="model"))
    )


def test_either_of_some_arms_needs_none() -> None:
    def uncertain(force: bool) -> None:
        with when(force):
            a = train(ingest()).model
        judge(either(a))

    def with_none(force: bool) -> None:
        model = train(ingest()).model
        with when(force):
            a = train(ingest()).model
        judge(model, baseline=either(a, None))

    with pytest.raises(ConditionError, match=r"none of train\.model exists"):
        compiled(uncertain)
    assert compiled(with_none).node("judge").inputs["baseline"].optional


def test_either_falls_back_on_something_certain() -> None:
    def body() -> None:
        judge(either(best(KerasModel), train(ingest()).model))

    assert not compiled(body).node("judge").inputs["model"].optional


def test_nested_arms_are_certain_together() -> None:
    def body(a: bool, b: bool) -> None:
        with when(a):
            with when(b):
                one = train(ingest()).model
            with otherwise():
                two = train(ingest()).model
        with otherwise():
            three = train(ingest()).model
        judge(either(one, two, three))

    assert len(compiled(body).nodes) == 7


def test_choices_are_of_one_type() -> None:
    with pytest.raises(ConditionError, match="was given KerasModel and Examples"):
        compiled(lambda: either(train(ingest()).model, ingest()))


def test_choices_are_not_of_a_loop_that_is_over() -> None:
    def body(regions: tuple[str, ...] = ("EWR",)) -> None:
        for region in for_each(regions):
            model = train(ingest(), region=region).model
        either(model, best(KerasModel))

    with pytest.raises(ConditionalUseError, match="of which there is one per item"):
        compiled(body)


def test_there_must_be_a_choice() -> None:
    with pytest.raises(ConditionError, match="no choice but None"):
        compiled(lambda: either(None))
