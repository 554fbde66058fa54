"""Wires and values of one call: what fits, and what the error suggests when it does not."""

import pytest

from pipeline_lib import for_each, latest
from pipeline_lib.errors import ParameterTypeError, WireTypeError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import Tuning, compiled, ensemble, ingest, judge, push, shard, train


def test_lists_take_artifacts_gathered_lists_and_both() -> None:
    def body() -> None:
        examples = ingest()
        parts = [train(part).model for part in for_each(shard(examples).parts)]
        ensemble([train.options(id="whole")(examples).model, *parts])

    port = compiled(body).node("ensemble").inputs["models"]
    assert (port.artifact_type, port.many) == ("Model", True)
    assert port.source == ex.ListOf(
        items=(ex.FromOutput(node="whole", port="model"), ex.FromGather(node="train", port="model"))
    )


def test_what_a_component_puts_out_is_suggested_before_what_a_resolver_finds() -> None:
    def body() -> None:
        examples = ingest()
        latest.options(id="before")(examples)
        train(train.options(id="first")(examples).model)  # type: ignore[arg-type]

    with pytest.raises(WireTypeError, match=r"train\.examples cannot read first\.model") as caught:
        compiled(body)
    assert caught.value.facts == {"needs": "Examples", "got": "KerasModel"}
    assert caught.value.fix == "pass ingest.examples"


def test_of_a_result_with_several_ports_the_fitting_one_is_suggested() -> None:
    with pytest.raises(WireTypeError, match=r"push\.model cannot read") as caught:
        compiled(lambda: push(train(ingest())))  # type: ignore[arg-type]
    assert caught.value.fix == "pass train.model"


@pytest.mark.parametrize(
    ("value", "fix"),
    [
        pytest.param("3", "the value should be a valid integer", id="type"),
        pytest.param(0, "the value should be greater than or equal to 1", id="bound"),
        pytest.param(True, "the value should be a valid integer", id="bool"),
    ],
)
def test_a_value_that_does_not_fit_says_what_would(value: int, fix: str) -> None:
    with pytest.raises(ParameterTypeError, match=r"train\.steps cannot be") as caught:
        compiled(lambda: train(ingest(), steps=value))
    assert caught.value.fix == fix
    assert caught.value.at is not None
    assert "test_binding.py" in caught.value.at


def test_defaults_are_in_the_plan_and_optional_inputs_that_are_left_out_are_not() -> None:
    def body() -> None:
        judge(train(ingest(), tuning=Tuning(lr=0.5)).model)

    plan = compiled(body)
    assert plan.node("train").parameters["region"] == ex.Constant(value="EWR")
    assert plan.node("train").parameters["tuning"] == ex.Constant(value={"lr": 0.5, "size": "small"})
    assert set(plan.node("judge").inputs) == {"model"}
