"""when, otherwise, either, exists, required, not_, & and |."""

from datetime import date

import pytest

from pipeline_lib import either, exists, latest_blessed, not_, otherwise, required, when
from pipeline_lib.errors import ConditionalUseError, ConditionError, OutsidePipelineError, WireTypeError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, Size, compiled, ingest, judge, notify, push, train

BLESSED = ex.FromProperty(artifact=ex.FromOutput(node="judge", port="blessing"), name="blessed")
FORCE = ex.FromParameter(name="force")
NONE = ex.Constant(value=None)


def test_a_block_gives_its_nodes_the_condition() -> None:
    def body(force: bool = False) -> None:
        model = train(ingest()).model
        verdict = judge(model)
        with when(verdict.blessed):
            push(model)
            with when(force):
                notify("pushed")
        notify("end")

    plan = compiled(body)
    assert plan.node("push").condition == BLESSED
    assert plan.node("notify").condition == ex.AllOf(operands=(BLESSED, FORCE))
    assert plan.node("notify_2").condition is None


def test_operators_build_one_expression() -> None:
    def body(force: bool = False, limit: float = 0.5) -> None:
        model = train(ingest()).model
        with when((judge(model).blessed & not_(force)) | (model.accuracy > limit)):
            push(model)

    accuracy = ex.FromProperty(artifact=ex.FromOutput(node="train", port="model"), name="accuracy")
    assert compiled(body).node("push").condition == ex.AnyOf(
        operands=(
            ex.AllOf(operands=(BLESSED, ex.Not(operand=FORCE))),
            ex.Compare(op=">", left=accuracy, right=ex.FromParameter(name="limit")),
        )
    )


def test_otherwise_negates_the_arms_before_it() -> None:
    def body(size: Size = Size.SMALL, force: bool = False) -> None:
        with when(force):
            notify("a")
        with otherwise(size == Size.LARGE):
            notify("b")
        with otherwise():
            notify("c")

    plan = compiled(body)
    large = ex.Compare(op="==", left=ex.FromParameter(name="size"), right=ex.Constant(value="large"))
    assert plan.node("notify_2").condition == ex.AllOf(operands=(ex.Not(operand=FORCE), large))
    assert plan.node("notify_3").condition == ex.AllOf(
        operands=(ex.Not(operand=FORCE), ex.Not(operand=large))
    )


def test_use_after_the_block_names_block_and_ways_out() -> None:
    def body(force: bool) -> None:
        with when(force):
            model = train(ingest()).model
        judge(model)

    with pytest.raises(ConditionalUseError, match=r"judge\.model: train\.model exists only under") as caught:
        compiled(body)
    assert "merge with either(a, b), or declare model: Model | None" in caught.value.fix
    assert "test_conditions.py" in caught.value.facts["when"]


def test_use_after_the_block_is_fine_for_an_optional_input() -> None:
    def body(force: bool) -> None:
        model = train(ingest()).model
        with when(force):
            old = train(ingest(source="old")).model
        judge(model, baseline=old)

    assert compiled(body).node("judge").condition is None


def test_use_in_a_later_block_of_the_same_condition_is_fine() -> None:
    def body(force: bool, again: bool) -> None:
        with when(force):
            model = train(ingest()).model
        with when(again & force):
            judge(model)

    assert len(compiled(body).nodes) == 3


def test_exists_and_required_guard_an_optional() -> None:
    def body() -> None:
        old = latest_blessed(KerasModel)
        with when(exists(old) & (required(old).accuracy > 0.5)):
            push(required(old))

    plan = compiled(body)
    found = ex.FromOutput(node="latest_blessed", port="result")
    assert plan.node("push").inputs["model"].source == found
    condition = plan.node("push").condition
    assert isinstance(condition, ex.AllOf)
    assert condition.operands[0] == ex.Exists(operand=found)


def test_an_optional_needs_required() -> None:
    with pytest.raises(WireTypeError, match=r"push\.model cannot read latest_blessed\.result") as caught:
        compiled(lambda: push(latest_blessed(KerasModel)))  # type: ignore[arg-type]
    assert "required(x)" in caught.value.fix


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("when(model)", "when needs a condition of the run, not train.model, KerasModel"),
        ("when(n)", "when needs a condition of the run, not n, int"),
        ("when(True)", "when needs a condition of the run, not True"),
        ("when(model.accuracy > 'x')", "compares float with str"),
        ("when(size == 'small')", "compares Size with str"),
        ("when(size < Size.LARGE)", "compares Size with Size"),
        ("when(day == 3)", "compares date with int"),
        ("when(n > 1 & n)", "& joins two conditions, not int"),
        ("when(not_(n))", "not_ needs a condition"),
        ("when(exists(n))", "exists needs an artifact of the run"),
        ("when(model == None)", "cannot be recorded"),
        ("when(model.accuracy == None)", r"(?s)cannot be recorded.*leave it out: float is never None"),
        ("when(model.trained_on > None)", r"(?s)cannot be recorded.*compare None with == or !="),
        ("when(model.accuracy > float('inf'))", r"(?s)cannot be recorded.*pass finite numbers"),
        ("otherwise()", "otherwise.. has no when before it"),
        ("when(either(model, n))", "either.. merges artifacts"),
    ],
)
def test_what_is_no_condition(statement: str, message: str) -> None:
    names = {"when": when, "otherwise": otherwise, "not_": not_, "exists": exists, "either": either}

    def body(day: date, n: int = 3, size: Size = Size.SMALL) -> None:
        model = train(ingest(span=day)).model
        with eval(statement, {**names, "Size": Size}, {"model": model, "n": n, "size": size, "day": day}):
            push(model)

    with pytest.raises(ConditionError, match=message):
        compiled(body)


def test_an_empty_block_is_an_error() -> None:
    def body(force: bool) -> None:
        ingest()
        with when(force):
            pass

    with pytest.raises(ConditionError, match="when guards no node"):
        compiled(body)


def test_what_may_be_none_is_compared_with_none() -> None:
    def body(day: date | None = None) -> None:
        model = train(ingest()).model
        with when((model.trained_on != None) & (day == None)):  # noqa: E711
            push(model)

    condition = compiled(body).node("push").condition
    assert isinstance(condition, ex.AllOf)
    trained, given = condition.operands
    assert isinstance(trained, ex.Compare)
    assert isinstance(given, ex.Compare)
    assert (trained.op, trained.right, given.op, given.right) == ("!=", NONE, "==", NONE)


def test_a_condition_without_a_with_is_an_error_and_not_always_true() -> None:
    def asked(force: bool) -> None:
        model = train(ingest()).model
        if when(force):
            push(model)

    def forgotten(force: bool) -> None:
        when(force)
        push(train(ingest()).model)

    def half(force: bool) -> None:
        model = train(ingest()).model
        with when(force):
            push(model)
        if otherwise():
            notify("not pushed")

    for body, word, line in ((asked, "when", 2), (forgotten, "when", 1), (half, "otherwise", 4)):
        with pytest.raises(ConditionError, match=rf"{word}\(\.\.\.\) heads no `with` block") as found:
            compiled(body)
        assert f"test_conditions.py:{body.__code__.co_firstlineno + line}" in str(found.value)


def test_otherwise_after_two_conditions_in_one_with() -> None:
    def body(a: bool, b: bool) -> None:
        with when(a), when(b):
            notify("both")
        with otherwise():
            notify("not a, whatever b is")

    with pytest.raises(ConditionError, match="follows several conditions in one with"):
        compiled(body)


def test_a_condition_may_not_read_what_may_not_exist() -> None:
    def body(force: bool) -> None:
        with when(force):
            model = train(ingest()).model
        with when(model.accuracy > 0.5):
            notify("x")

    with pytest.raises(ConditionalUseError, match="when reads condition"):
        compiled(body)


def test_conditions_need_a_pipeline() -> None:
    with pytest.raises(OutsidePipelineError, match="when was used outside a @pipeline"):
        when(True)


def test_plans_are_equal_each_time() -> None:
    def body(force: bool = False) -> None:
        with when(force):
            notify("a")
        with otherwise():
            notify("b")

    assert compiled(body).to_text() == compiled(body).to_text()
