"""for_each: one recording, many iterations, gathered lists."""

from typing import Any

import pytest

from pipeline_lib import for_each, when
from pipeline_lib.errors import ConditionalUseError, LoopError, OutsidePipelineError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, compiled, ensemble, ingest, judge, notify, push, shard, train


def test_list_parameter_gathered_by_a_comprehension() -> None:
    def body(regions: tuple[str, ...] = ("EWR", "JFK")) -> None:
        examples = ingest()
        ensemble([train(examples, region=region).model for region in for_each(regions)])

    plan = compiled(body)
    (loop,) = plan.loops
    assert (loop.over, loop.artifact_type) == (ex.FromParameter(name="regions"), None)
    assert plan.node("train").loops == (loop.id,)
    assert plan.node("train").parameters["region"] == ex.FromItem(loop=loop.id)
    assert plan.node("ensemble").inputs["models"].source == ex.FromGather(node="train", port="model")
    assert plan.node("ensemble").loops == ()


def test_a_gathered_list_beside_single_artifacts() -> None:
    def body(regions: tuple[str, ...] = ("EWR",)) -> None:
        examples = ingest()
        base = train(examples).model
        models = [train(examples, region=r).model for r in for_each(regions)]
        ensemble([base, *models])

    assert compiled(body).node("ensemble").inputs["models"].source == ex.ListOf(
        items=(ex.FromOutput(node="train", port="model"), ex.FromGather(node="train_2", port="model"))
    )


def test_list_of_artifacts_several_nodes_and_a_condition_inside() -> None:
    def body(force: bool = False) -> None:
        models = []
        for part in for_each(shard(ingest()).parts):
            model = train(part).model
            with when(model.accuracy > 0.5):
                push(model)
            models.append(model)
        ensemble(models)

    plan = compiled(body)
    (loop,) = plan.loops
    assert loop.artifact_type == "Examples"
    assert plan.node("train").inputs["examples"].source == ex.FromItem(loop=loop.id)
    assert plan.node("push").loops == (loop.id,)
    assert plan.node("push").condition is not None


def test_loops_nest_and_gather_flat() -> None:
    def body(regions: tuple[str, ...] = ("EWR",), steps: tuple[int, ...] = (1, 2)) -> None:
        examples = ingest()
        models = [
            train(examples, region=r, steps=s).model for r in for_each(regions) for s in for_each(steps)
        ]
        ensemble(models)

    plan = compiled(body)
    assert plan.node("train").loops == ("loop_1", "loop_2")
    assert plan.node("ensemble").inputs["models"].source == ex.FromGather(node="train", port="model")


def test_a_written_list_is_a_constant() -> None:
    def body() -> None:
        for region in for_each(("EWR", "JFK")):
            train(ingest(), region=region)

    assert compiled(body).loops[0].over == ex.Constant(value=["EWR", "JFK"])


def test_use_after_the_loop_needs_a_list() -> None:
    def body(regions: tuple[str, ...] = ("EWR",)) -> None:
        for region in for_each(regions):
            model = train(ingest(), region=region).model
        judge(model)

    with pytest.raises(ConditionalUseError, match=r"one train\.model per item of a loop") as caught:
        compiled(body)
    assert "test_loops.py" in caught.value.facts["when"]


def test_item_after_the_loop() -> None:
    def body(regions: tuple[str, ...] = ("EWR",)) -> None:
        for region in for_each(regions):
            notify(region)
        notify(region)

    with pytest.raises(ConditionalUseError, match=r"notify_2\.text"):
        compiled(body)


def test_break_is_found() -> None:
    def body(regions: tuple[str, ...] = ("EWR",)) -> None:
        for region in for_each(regions):
            notify(region)
            break

    with pytest.raises(LoopError, match="left by break or return") as caught:
        compiled(body)
    assert "test_loops.py" in str(caught.value.at)


def test_return_is_found() -> None:
    def body(regions: tuple[str, ...] = ("EWR",)) -> None:
        for region in for_each(regions):
            notify(region)
            return

    with pytest.raises(LoopError, match="left by break or return"):
        compiled(body)


@pytest.mark.parametrize("around", [enumerate, list, lambda loop: zip(loop, [1], strict=True)])
def test_it_must_head_the_loop(around: object) -> None:
    def body(regions: tuple[str, ...] = ("EWR",)) -> None:
        for region in around(for_each(regions)):  # type: ignore[operator]
            notify(region)

    with pytest.raises(LoopError, match="does not head a loop"):
        compiled(body)


@pytest.mark.parametrize(
    ("items", "fix"), [({1, 2}, "declare a list or tuple"), ([1.0, float("nan")], "pass finite numbers")]
)
def test_items_that_no_plan_can_hold_are_refused(items: Any, fix: str) -> None:
    def body() -> None:
        for _ in for_each(items):
            ingest()

    with pytest.raises(LoopError, match="cannot loop over") as caught:
        compiled(body)
    assert caught.value.fix.startswith(fix)


def test_only_lists() -> None:
    def body(n: int = 3) -> None:
        for item in for_each(n):  # type: ignore[var-annotated, arg-type]
            notify(item)

    with pytest.raises(LoopError, match="cannot loop over <n>"):
        compiled(body)


def test_needs_a_pipeline() -> None:
    with pytest.raises(OutsidePipelineError, match="for_each was used outside"):
        for_each(("a",))


def test_an_error_in_the_body_is_the_one_that_is_told() -> None:
    def body(regions: tuple[str, ...] = ("EWR",)) -> None:
        for region in for_each(regions):
            KerasModel.property_specs()
            train(ingest(), region=region, stepz=3)  # type: ignore[call-arg]

    with pytest.raises(Exception, match="no argument stepz"):
        compiled(body)
