# ruff: noqa: PLW0108  pipelines are written as lambdas
"""@component: what a call records, options, pickling, and the mistakes at the call."""

import inspect
import pickle
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from pipeline_lib import Cache, Model, component, pipeline
from pipeline_lib.errors import (
    ArgumentError,
    DeclarationError,
    OptionError,
    OutsidePipelineError,
    RunInsidePipelineError,
    UnknownAttributeError,
    WireTypeError,
)
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, compiled, ensemble, ingest, judge, notify, push, train


def test_call_records_a_node_with_defaults_and_ports() -> None:
    def body(day: date) -> None:
        train(ingest(span=day), steps=3)

    plan = compiled(body)
    node = plan.node("train")
    assert node.inputs["examples"].source == ex.FromOutput(node="ingest", port="examples")
    assert node.parameters["steps"] == ex.Constant(value=3)
    assert node.parameters["tuning"] == ex.Constant(value={"lr": 0.1, "size": "small"})
    assert {port: spec.artifact_type for port, spec in node.outputs.items()} == {
        "model": "KerasModel",
        "evaluation": "Model",
    }
    assert plan.node("ingest").description == "Read a day."


def test_named_tuple_result_is_one() -> None:
    def body() -> None:
        model, report = train(ingest())
        judge(model, baseline=report)
        judge(train(ingest())[0])

    plan = compiled(body)
    assert plan.node("judge").inputs["baseline"].source == ex.FromOutput(node="train", port="evaluation")
    assert plan.node("judge_2").inputs["model"].source == ex.FromOutput(node="train_2", port="model")


def test_single_output_port_is_named_or_snake_case() -> None:
    def body() -> None:
        trained = train(ingest())
        judge(trained.model)
        push(trained.evaluation)

    plan = compiled(body)
    assert list(plan.node("judge").outputs) == ["blessing"]
    assert list(plan.node("push").outputs) == ["pushed_model"]


def test_optional_input_left_out_or_none_is_the_same_plan() -> None:
    def left_out() -> None:
        judge(train(ingest()).model)

    def none() -> None:
        judge(train(ingest()).model, baseline=None)

    assert compiled(left_out).nodes == compiled(none).nodes
    assert "baseline" not in compiled(none).node("judge").inputs


def test_call_outside_a_pipeline_points_to_run() -> None:
    with pytest.raises(OutsidePipelineError, match=r"train\.run\(\.\.\.\) executes it here"):
        train(None)  # type: ignore[arg-type]


def test_run_inside_a_pipeline_is_refused() -> None:
    def body() -> None:
        ingest.run()

    with pytest.raises(RunInsidePipelineError, match=r"ingest\.run\(\.\.\.\) executes at once"):
        compiled(body)


def test_after_takes_channels_results_and_done() -> None:
    def body() -> None:
        told = notify("start")
        trained = train(ingest())
        push.options(after=[told, trained, trained.model])(trained.model)

    assert compiled(body).node("push").after == ("notify", "train")


def test_mistyped_argument_gets_a_suggestion_at_its_own_line() -> None:
    def body() -> None:
        train(
            ingest(),
            stepz=3,  # type: ignore[call-arg]
        )

    with pytest.raises(ArgumentError, match="train has no argument stepz") as caught:
        compiled(body)
    assert caught.value.fix == "did you mean steps?"
    assert caught.value.at is not None
    lines, first = inspect.getsourcelines(body)
    offset = next(index for index, line in enumerate(lines) if "stepz" in line)
    assert caught.value.at.endswith(f"test_component.py:{first + offset}")


def test_missing_and_surplus_arguments() -> None:
    with pytest.raises(ArgumentError, match="missing a required argument: 'examples'") as caught:
        compiled(lambda: train())  # type: ignore[call-arg]
    assert caught.value.facts["missing"] == "examples: Examples"
    with pytest.raises(ArgumentError, match="too many positional"):
        compiled(lambda: train(ingest(), 3))  # type: ignore[call-arg, arg-type]


def test_wrong_wire_names_ports_types_and_a_fix() -> None:
    def body() -> None:
        examples = ingest()
        train(examples)
        judge(examples)  # type: ignore[arg-type]

    with pytest.raises(WireTypeError, match=r"judge\.model cannot read ingest\.examples") as caught:
        compiled(body)
    assert caught.value.facts == {"needs": "Model", "got": "Examples"}
    assert caught.value.fix == "pass train.evaluation"


def test_pickles_by_reference() -> None:
    assert pickle.loads(pickle.dumps(train)) is train
    assert len(pickle.dumps(train)) < 60
    copy = pickle.loads(pickle.dumps(train.options(id="x", retries=4)))
    assert copy.__name__ == "train"


def test_looks_like_the_function() -> None:
    assert train.__name__ == "train"
    assert ingest.__doc__ == "Read a day."
    assert list(inspect.signature(judge).parameters) == ["model", "baseline"]
    assert issubclass(KerasModel, Model)


def find_data(parameters: dict[str, object]) -> dict[str, object]:
    return parameters


@component(driver=find_data, retries=2, cache=Cache(version=3), timeout=timedelta(minutes=5))
def outside_data(*, source: str = "x") -> Model:
    return Model.new()


def test_driver_and_options_of_the_decorator() -> None:
    node = compiled(lambda: outside_data()).node("outside_data")
    assert str(node.driver) == f"{__name__}:find_data"
    assert (node.options.retries, node.options.cache.version, node.options.timeout_seconds) == (2, 3, 300)


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        (lambda: Model.at("/x"), "bring existing files in with importer"),
        (lambda: 3, "pass the output of a component"),
        (lambda: train(ingest()), "pass train.model"),
        (lambda: notify("x"), "pass an artifact"),
        (lambda: [train(ingest()).model], "pass one artifact"),
    ],
    ids=["artifact", "value", "whole-result", "done", "list"],
)
def test_what_is_no_channel(given: Any, fix: str) -> None:
    with pytest.raises(WireTypeError, match=r"judge\.model cannot read") as caught:
        compiled(lambda: judge(given()))
    assert fix in caught.value.fix


def test_mistyped_output_gets_a_suggestion() -> None:
    with pytest.raises(UnknownAttributeError, match="Trained has no output modle") as caught:
        compiled(lambda: train(ingest()).modle)  # type: ignore[attr-defined]
    assert caught.value.fix == "did you mean model?"


def test_a_list_input_is_not_none() -> None:
    with pytest.raises(WireTypeError, match=r"ensemble\.models cannot read None"):
        compiled(lambda: ensemble(None))  # type: ignore[arg-type]
    assert compiled(lambda: ensemble([])).node("ensemble").inputs["models"].source == ex.ListOf(items=())


def test_decorators_stand_on_plain_functions() -> None:
    with pytest.raises(DeclarationError, match="@component was put on <component"):
        component(train)  # type: ignore[type-var]
    with pytest.raises(DeclarationError, match="@pipeline was put on <component"):
        compiled(train)


async def later_on() -> None: ...


def one_by_one() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize("function", [later_on, one_by_one])
def test_decorators_stand_on_functions_that_return(function: Any) -> None:
    for decorator in (component, pipeline(name="p")):
        with pytest.raises(DeclarationError, match="which is async or has a yield"):
            decorator(function)


def test_an_option_that_there_is_not_gets_a_suggestion() -> None:
    with pytest.raises(OptionError, match="@component has no option retry") as caught:
        component(retry=3)  # type: ignore[call-overload]
    assert caught.value.fix == "did you mean retries?"
    assert "test_component.py:" in str(caught.value.at)
    with pytest.raises(OptionError, match="@component has no option name"):
        component(name="x")  # type: ignore[call-overload]
