# ruff: noqa: B008, PLW0108  pipelines are written as lambdas, with defaults as authors write them
"""@pipeline: run parameters, spans, sub-pipelines, exit handlers, importers, and mistakes in declarations."""

from collections.abc import Callable
from datetime import date

import pytest

from pipeline_lib import Examples, Secret, UserModule, pipeline
from pipeline_lib.dsl.recording import active_recorder
from pipeline_lib.errors import (
    DeclarationError,
    NodeIdError,
    OutsidePipelineError,
    ParameterTypeError,
    PipelineCodeError,
    WireTypeError,
)
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, Limits, Size, Tuning, compiled, ingest, judge, shard, train


def test_run_parameters_have_schemas_defaults_and_descriptions() -> None:
    def body(
        day: date,
        n: int = 7,
        ratio: float = 0.5,
        size: Size = Size.LARGE,
        regions: tuple[str, ...] = ("EWR",),
        limits: Limits = Limits(),
        tuning: Tuning = Tuning(),
        password: Secret = Secret("env:PASSWORD"),
        module: UserModule = UserModule("a.b"),
    ) -> None:
        """Do it.

        Args:
            day: The day,
                as a date.
            n: How many.
        """
        ingest(span=day)

    parameters = {parameter.name: parameter for parameter in compiled(body).parameters}
    assert parameters["day"].required
    assert parameters["day"].description == "The day, as a date."
    assert parameters["day"].schema_ == {"type": "string", "format": "date"}
    assert parameters["n"].default == 7
    assert parameters["size"].default == "large"
    assert parameters["regions"].default == ["EWR"]
    assert parameters["limits"].default == {"auc": 0.5}
    assert parameters["tuning"].default == {"lr": 0.1, "size": "small"}
    assert parameters["password"].secret
    assert parameters["password"].default == "env:PASSWORD"
    assert not parameters["module"].secret


def test_span_is_the_only_date() -> None:
    assert compiled(lambda: ingest()).span_parameter is None

    def one(n: int, day: date) -> None:
        ingest(span=day)

    def two(day: date, other: date) -> None:
        ingest(span=day)

    assert compiled(one).span_parameter == "day"
    assert compiled(one, span=None).span_parameter is None
    assert compiled(two, span="other").span_parameter == "other"
    with pytest.raises(DeclarationError, match="several dates: day, other"):
        compiled(two)
    with pytest.raises(DeclarationError, match="span='n' is no date"):
        compiled(one, span="n")


def test_user_modules_and_secrets_are_named_on_the_node() -> None:
    def body(module: UserModule = UserModule("a.b")) -> None:
        train(ingest(), module=module)

    assert compiled(body).node("train").user_modules == ("module",)


def test_plain_functions_are_sub_pipelines() -> None:
    def trained_on(examples: Examples) -> KerasModel:
        return train(examples).model

    def body() -> None:
        judge(trained_on(ingest()), baseline=trained_on(ingest()))

    assert [node.id for node in compiled(body).nodes] == ["ingest", "train", "ingest_2", "train_2", "judge"]


@pipeline(name="inner")
def inner(source: str = "x") -> None:
    ingest(source=source)


def test_a_pipeline_inside_another_is_inlined() -> None:
    def body(source: str) -> None:
        inner(source=source)

    assert compiled(body).node("ingest").parameters["source"] == ex.FromParameter(name="source")


def test_a_pipeline_is_not_called_nor_compiled_inside() -> None:
    with pytest.raises(OutsidePipelineError, match=r"pipeline inner was called like a function"):
        inner()
    with pytest.raises(OutsidePipelineError, match="compiled inside a @pipeline"):
        compiled(lambda: inner.compile())


def test_ids() -> None:
    def taken() -> None:
        ingest.options(id="a")()
        ingest.options(id="a")()

    with pytest.raises(NodeIdError, match="the node id a is taken"):
        compiled(taken)
    with pytest.raises(NodeIdError, match="cannot be a node's id"):
        compiled(lambda: ingest.options(id="a/b")())


def test_after_an_error_nothing_is_being_recorded() -> None:
    with pytest.raises(PipelineCodeError, match="raised KeyError"):
        compiled(lambda: {}["x"])
    assert active_recorder() is None


def test_a_pipeline_needs_nodes_and_a_name() -> None:
    with pytest.raises(DeclarationError, match="pipeline test has no nodes"):
        compiled(lambda: None)
    with pytest.raises(DeclarationError, match="cannot be named 'a/b'"):
        pipeline(name="a/b")


def nightly_flights() -> None: ...


@pytest.mark.parametrize(
    ("declare", "fix"),
    [
        (lambda: pipeline(nightly_flights), '@pipeline(name="nightly-flights")'),  # type: ignore[call-overload]
        (lambda: pipeline("nightly"), '@pipeline(name="nightly")'),  # type: ignore[call-overload]
        (lambda: pipeline(), '@pipeline(name="my-pipeline")'),  # type: ignore[call-overload]
    ],
    ids=["without-parentheses", "the-name-alone", "nothing"],
)
def test_a_pipeline_without_a_name_is_told_what_to_write(declare: Callable[[], object], fix: str) -> None:
    with pytest.raises(DeclarationError, match="@pipeline needs a name") as caught:
        declare()
    assert caught.value.fix == f"write {fix}"
    assert "test_pipeline.py:" in str(caught.value.at)


def test_a_schedule_that_is_none() -> None:
    @pipeline(name="p", schedule=5)  # type: ignore[call-overload]
    def hourly() -> None:
        ingest()

    with pytest.raises(DeclarationError, match="schedule cannot be 5"):
        hourly.compile()


def test_parameters_that_cannot_be() -> None:
    def artifact(examples: Examples) -> None:
        train(examples)

    def untyped(n) -> None:  # type: ignore[no-untyped-def]
        ingest()

    def stars(*args: int) -> None:
        ingest()

    class Opaque:
        pass

    def opaque(x: Opaque) -> None:
        ingest()

    opaque.__annotations__["x"] = Opaque

    def wrong_default(n: int = "3") -> None:  # type: ignore[assignment]
        ingest()

    for body, message in (
        (artifact, "examples is an artifact"),
        (untyped, "n cannot be a run parameter"),
        (stars, "args cannot be a run parameter"),
        (opaque, "x cannot be a run parameter"),
    ):
        with pytest.raises(DeclarationError, match=message):
            compiled(body)
    with pytest.raises(ParameterTypeError, match="the default of n cannot be '3'"):
        compiled(wrong_default)


def test_lists_are_indexed_and_passed_whole() -> None:
    def body() -> None:
        shards = shard(ingest())
        train(shards.parts[0])
        train(shards.parts)  # type: ignore[arg-type]

    with pytest.raises(WireTypeError, match=r"train_2\.examples cannot read shard\.parts") as caught:
        compiled(body)
    assert caught.value.fix == "pass one of them, shard.parts[0], or loop with for_each(shard.parts)"
