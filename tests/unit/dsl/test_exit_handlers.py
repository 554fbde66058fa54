"""with exit_handler(): nodes that run last, whatever became of the others."""

import pytest

from pipeline_lib import exit_handler, when
from pipeline_lib.errors import ConditionalUseError, ConditionError
from unit.dsl.parts import compiled, ingest, notify, push, train


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


def test_an_exit_handler_without_a_with_is_an_error() -> None:
    def body() -> None:
        ingest()
        exit_handler()
        notify("done")

    with pytest.raises(ConditionError, match=r"exit_handler\(\.\.\.\) heads no `with` block"):
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


def test_exit_handlers_read_no_property_of_what_may_have_failed() -> None:
    def body() -> None:
        model = train(ingest()).model
        with exit_handler():
            notify(model.framework)

    with pytest.raises(ConditionalUseError, match=r"notify\.text: an exit handler runs even if train failed"):
        compiled(body)


def test_exit_handlers_read_each_other_and_parameters() -> None:
    def body(text: str) -> None:
        with exit_handler():
            trained = train(ingest(source=text))
            notify(text, model=trained.model)

    assert all(node.exit_handler for node in compiled(body).nodes)
