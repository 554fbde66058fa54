"""@pipeline: run parameters, spans, sub-pipelines, exit handlers, importers, and mistakes in declarations."""

import enum
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from unit.dsl.parts import KerasModel, Limits, Size, Tuning, compiled, ingest, judge, notify, push, shard, train

from pipeline_lib import Examples, Model, Secret, UserModule, component, exit_handler, importer, pipeline, when
from pipeline_lib.dsl.recording import active_recorder
from pipeline_lib.errors import (
    ConditionalUseError,
    ConditionError,
    DeclarationError,
    NodeIdError,
    OutsidePipelineError,
    ParameterTypeError,
    PipelineCodeError,
    UnknownPropertyError,
    WireTypeError,
)
from pipeline_lib.plan import expressions as ex


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


# --- declarations of components ---------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1


@component
def untyped_argument(x) -> Model:  # type: ignore[no-untyped-def]
    return Model.new()


@component
def returns_a_value() -> int:
    return 3


@component
def returns_untyped():  # type: ignore[no-untyped-def]
    return None


@component
def dict_of_artifacts(models: dict[str, Model]) -> None:
    del models


@component
def many(*models: Model) -> None:
    del models


@component
def artifact_default(model: Model = Model.at("/x")) -> None:
    del model


@component
def opaque_parameter(x: Path | complex = 1j) -> None:
    del x


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (untyped_argument, "x has no type"),
        (returns_a_value, "returns int"),
        (returns_untyped, "does not say what it returns"),
        (dict_of_artifacts, "models cannot be dict"),
        (many, r"takes \*models"),
        (artifact_default, "is an artifact and has a default"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_component_declarations(target: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        compiled(lambda: target(1))


def test_local_components_cannot_be_placed() -> None:
    @component
    def local() -> None:
        return None

    with pytest.raises(DeclarationError, match="cannot be imported by the process"):
        compiled(lambda: local())


# --- exit handlers -----------------------------------------------------------------------------------------


def test_exit_handlers_run_last() -> None:
    def body() -> None:
        model = train(ingest()).model
        with exit_handler():
            notify("done", model=model)

    node = compiled(body).node("notify")
    assert node.exit_handler
    assert node.inputs["model"].optional


def test_exit_handlers_read_only_optionals() -> None:
    def body() -> None:
        model = train(ingest()).model
        with exit_handler():
            push(model)

    with pytest.raises(ConditionalUseError, match="an exit handler runs even if train failed"):
        compiled(body)


def test_nothing_reads_an_exit_handler() -> None:
    def body() -> None:
        with exit_handler():
            examples = ingest()
        train(examples)

    with pytest.raises(ConditionalUseError, match=r"train\.examples reads an exit handler's"):
        compiled(body)


def test_exit_handlers_stand_at_the_top() -> None:
    def body(force: bool) -> None:
        with when(force), exit_handler():
            notify("x")

    with pytest.raises(ConditionError, match="inside another block"):
        compiled(body)


# --- importers ---------------------------------------------------------------------------------------------


def test_importer_brings_in_existing_files() -> None:
    def body(uri: str) -> None:
        model = importer(KerasModel, uri, properties={"accuracy": 0.5, "trained_on": date(2013, 1, 1)})
        judge(model)

    plan = compiled(body)
    node = plan.node("import_keras_model")
    assert (node.kind, node.outputs["result"].artifact_type) == ("importer", "KerasModel")
    assert node.parameters == {
        "uri": ex.FromParameter(name="uri"),
        "properties": ex.Struct(
            fields={"accuracy": ex.Constant(value=0.5), "trained_on": ex.Constant(value="2013-01-01")}
        ),
    }
    assert plan.node("judge").inputs["model"].source == ex.FromOutput(node=node.id, port="result")


def test_importer_checks_what_it_is_given() -> None:
    with pytest.raises(UnknownPropertyError, match="KerasModel has no property acuracy") as caught:
        compiled(lambda: importer(KerasModel, "/x", properties={"acuracy": 1}))
    assert caught.value.fix == "did you mean accuracy?"
    with pytest.raises(ParameterTypeError, match=r"import_examples does not say split_names"):
        compiled(lambda: importer(Examples, "/x"))
    with pytest.raises(ParameterTypeError, match=r"import_model\.uri cannot be 3"):
        compiled(lambda: importer(Model, 3))  # type: ignore[arg-type]
    with pytest.raises(WireTypeError, match="importer cannot make"):
        compiled(lambda: importer(int, "/x"))  # type: ignore[type-var]


def test_lists_are_indexed_and_passed_whole() -> None:
    def body() -> None:
        shards = shard(ingest())
        train(shards.parts[0])
        train(shards.parts)  # type: ignore[arg-type]

    with pytest.raises(WireTypeError, match=r"train_2\.examples cannot read shard\.parts") as caught:
        compiled(body)
    assert caught.value.fix == "pass one of them, shard.parts[0], or loop with for_each(shard.parts)"
