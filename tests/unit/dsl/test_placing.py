"""A call placed in the pipeline: its node, and what stands for its result."""

import pytest

from pipeline_lib import UserModule, component, when
from pipeline_lib.errors import DeclarationError, OptionError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import compiled, ingest, judge, notify, push, train


def test_a_node_says_all_a_runtime_needs() -> None:
    def body(force: bool = False) -> None:
        trained = train.options(retries=2, id="fit")(ingest(), module=UserModule("delays.model"))
        with when(judge(trained.model).blessed), when(force):
            push(trained.model)

    plan = compiled(body)
    fit, pushed = plan.node("fit"), plan.node("push")
    assert (fit.kind, str(fit.code)) == ("component", "unit.dsl.parts:train")
    assert (fit.user_modules, fit.options.retries) == (("module",), 2)
    assert plan.node("ingest").description == "Read a day."
    assert isinstance(pushed.condition, ex.AllOf)
    assert len(pushed.condition.operands) == 2


def test_after_names_each_node_once_and_no_exit_handler() -> None:
    def body() -> None:
        trained = train(ingest())
        notify.options(after=[trained, trained.model])("done")

    assert compiled(body).node("notify").after == ("train",)
    with pytest.raises(OptionError, match="after= was given 'train'"):
        compiled(lambda: notify.options(after=["train"])("done"))


def test_a_component_that_no_other_process_can_import_is_refused() -> None:
    @component
    def local() -> None: ...

    with pytest.raises(DeclarationError, match="cannot be imported by the process that executes it"):
        compiled(lambda: local())  # noqa: PLW0108
