"""Whether what was made in one block may be used in another."""

import pytest

from pipeline_lib import either, for_each, not_, otherwise, when
from pipeline_lib.dsl.availability import holds
from pipeline_lib.errors import ConditionalUseError, PipelineError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import compiled, ensemble, ingest, judge, push, shard, train


def test_what_a_block_made_is_there_inside_it_and_in_blocks_that_imply_it() -> None:
    def body(a: bool = False, b: bool = False) -> None:
        with when(a & b):
            model = train(ingest()).model
            with when(judge(model).blessed):
                push(model)
        with when(a & b):
            push(model)

    assert compiled(body).node("push_2").condition is not None


@pytest.mark.parametrize("weaker", ["a", "not"])
def test_it_is_not_where_less_is_known(weaker: str) -> None:
    def body(a: bool = False, b: bool = False) -> None:
        with when(a & b):
            model = train(ingest()).model
        with when(a if weaker == "a" else not_(a)):
            push(model)

    with pytest.raises(ConditionalUseError, match=r"train\.model exists only under a condition") as caught:
        compiled(body)
    assert "when" in caught.value.facts


def test_arms_that_cover_every_case_give_something_that_is_always_there() -> None:
    def body(a: bool = False, b: bool = False) -> None:
        examples = ingest()
        with when(a):
            first = train(examples).model
        with otherwise(b):
            second = train(examples).model
        with otherwise():
            third = train(examples).model
        push(either(first, second, third))

    assert compiled(body).node("push").condition is None


def test_arms_that_leave_a_case_open_do_not() -> None:
    def body(a: bool = False, b: bool = False) -> None:
        examples = ingest()
        with when(a):
            first = train(examples).model
        with otherwise(b):
            second = train(examples).model
        push(either(first, second))

    with pytest.raises(PipelineError, match="it may be that none of"):
        compiled(body)


def test_outside_its_loop_there_is_one_for_each_item() -> None:
    def body() -> None:
        for part in for_each(shard(ingest()).parts):
            model = train(part).model
        push(model)

    with pytest.raises(PipelineError, match=r"train\.model"):
        compiled(body)

    def gathered() -> None:
        ensemble([train(part).model for part in for_each(shard(ingest()).parts)])

    assert compiled(gathered).node("ensemble").loops == ()


def test_constants_of_one_value_but_another_type_are_not_equal() -> None:
    assert holds(ex.Exists(operand=ex.Constant(value=1)), [ex.Exists(operand=ex.Constant(value=1))])
    assert not holds(ex.Constant(value=1), [ex.Not(operand=ex.Constant(value=1))])
