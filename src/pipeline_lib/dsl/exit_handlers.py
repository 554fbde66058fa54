"""`with exit_handler():`: nodes that run last, whatever became of the others."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from pipeline_lib.dsl.places import user_place
from pipeline_lib.errors import ConditionError

if TYPE_CHECKING:
    from pipeline_lib.dsl.recording import Recorder


def exit_handler() -> AbstractContextManager[None]:
    """Nodes called in the block run after all others, whether these succeeded, failed or were skipped.

    They may read outputs of other nodes only into optional (`A | None`) or list inputs.

    Raises:
        ConditionError: It is inside a `when`, a loop or another exit handler, or no `with` enters it.
        OutsidePipelineError: Used outside a pipeline.
    """
    from pipeline_lib.dsl.recording import require_recorder

    place = user_place()
    recorder = require_recorder("exit_handler", place)
    if recorder.blocks or recorder.in_exit_handler:
        raise ConditionError(
            "exit_handler() is inside another block",
            at=str(place),
            fix="put it at the top level of the pipeline",
        )
    return _block(recorder, recorder.expect("exit_handler", place))


@contextmanager
def _block(recorder: "Recorder", expected: Exception) -> Iterator[None]:
    recorder.enter(expected)
    recorder.in_exit_handler = True
    try:
        yield
    finally:
        recorder.in_exit_handler = False
