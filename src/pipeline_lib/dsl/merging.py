"""`either`: one artifact out of several branches."""

from typing import Any

from pipeline_lib.dsl.availability import availability, covered
from pipeline_lib.dsl.hints import artifact_hint, describe, fits, without_none
from pipeline_lib.dsl.places import Place
from pipeline_lib.dsl.proxy import Proxy, Ref, ref_of
from pipeline_lib.dsl.recording import Recorder
from pipeline_lib.errors import ConditionalUseError, ConditionError
from pipeline_lib.plan import expressions as ex


def merge(choices: tuple[Any, ...], recorder: Recorder, place: Place) -> Proxy:
    """The first of the choices that exists.

    Raises:
        ConditionError: The choices are of unrelated types, or it may be that none of them exists.
        ConditionalUseError: A choice is made once per item of a loop that is over.
    """
    refs = [_choice(choice, index, place) for index, choice in enumerate(choices) if choice is not None]
    if not refs:
        raise ConditionError("either() has no choice but None", at=str(place), fix="pass an artifact")
    for ref in refs:
        loop = availability(ref, recorder).loop
        if loop is not None:
            raise ConditionalUseError(
                f"either() was given {ref.text}, of which there is one per item",
                when=loop,
                at=str(place),
                fix="use it inside the loop, or put it into a list",
            )
    hints = [without_none(ref.hint)[0] for ref in refs]
    common = next((hint for hint in hints if all(fits(other, hint) for other in hints)), None)
    if common is None:
        raise ConditionError(
            f"either() was given {' and '.join(describe(hint) for hint in hints)}",
            at=str(place),
            fix="merge artifacts of one type",
        )
    certain = covered([ref.blocks for ref in refs if not without_none(ref.hint)[1]], recorder)
    allows_none = any(choice is None for choice in choices) or any(without_none(ref.hint)[1] for ref in refs)
    if not certain and not allows_none:
        raise ConditionError(
            f"it may be that none of {', '.join(ref.text for ref in refs)} exists",
            at=str(place),
            fix="make the last branch `with otherwise():`, or add None as the last choice",
        )
    expressions = tuple(ref.expression for ref in refs if ref.expression is not None)
    return Proxy(
        Ref(
            expression=ex.Either(choices=expressions),
            hint=common if certain else common | None,
            text=f"either({', '.join(ref.text for ref in refs)})",
            blocks=recorder.blocks,
            exit_handler=any(ref.exit_handler for ref in refs),
        )
    )


def _choice(choice: Any, index: int, place: Place) -> Ref:
    if isinstance(choice, Proxy) and artifact_hint(ref_of(choice).hint) is not None:
        return ref_of(choice)
    raise ConditionError(
        f"either() merges artifacts, not {choice!r}",
        at=place.of_argument("", index),
        fix="pass outputs of components or resolvers",
    )
