"""What a component without outputs gives back."""

import pytest

from pipeline_lib.dsl.done import Done
from pipeline_lib.errors import PipelineError
from unit.dsl.parts import compiled, ingest, notify, push, train


def test_it_can_be_waited_for_and_nothing_else() -> None:
    def waited() -> None:
        told = notify("begin")
        train.options(after=[told])(ingest())

    assert compiled(waited).node("train").after == ("notify",)

    def wired() -> None:
        push(notify("begin"))  # type: ignore[arg-type]

    with pytest.raises(PipelineError, match=r"push\.model cannot read notify"):
        compiled(wired)
    assert repr(Done()) == "Done()"
