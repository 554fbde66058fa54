"""`for_each`: the body of a loop recorded once, run once per item."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pipeline_lib.dsl.places import Place, user_place
from pipeline_lib.errors import LoopError

if TYPE_CHECKING:
    from pipeline_lib.dsl.proxy import Proxy
    from pipeline_lib.dsl.recording import LoopScope, Recorder

T = TypeVar("T")


def for_each(items: Sequence[T], /) -> Iterator[T]:
    """Loop over a list parameter or a list of artifacts.

    Example: `models = [train(examples, region=r).model for r in for_each(regions)]`.

    The body is recorded once. What it makes can be collected into a list, which gathers all of them.

    Args:
        items: A list that a run will have, or one written in the pipeline.

    Raises:
        LoopError: It does not head a loop, the loop is left early, its body hands something on to its next
            iteration, or `items` is no list.
        ConditionalUseError: `items` may not exist here.
        OutsidePipelineError: Used outside a pipeline.
    """
    from pipeline_lib.dsl.recording import require_recorder

    place = user_place()
    recorder = require_recorder("for_each", place)
    _require_loop_head(place)
    scope, item = _open(recorder, items, place)
    return cast("Iterator[T]", _iterate(recorder, scope, item, place))


def _iterate(recorder: "Recorder", scope: "LoopScope", item: "Proxy", place: Place) -> Iterator[Any]:
    outer = recorder.blocks
    recorder.open(scope)
    try:
        yield item
    except GeneratorExit:
        # Nothing can be raised from here: the loop was left by break, return or an error in its body.
        recorder.faults.append(
            LoopError(
                "a for_each loop was left by break or return",
                at=str(place),
                fix="let it run to its end; guard nodes with `with when(...)`",
            )
        )
        raise
    finally:
        recorder.close(outer)


def _open(recorder: "Recorder", items: Any, place: Place) -> "tuple[LoopScope, Proxy]":
    from pipeline_lib.dsl.availability import availability
    from pipeline_lib.dsl.hints import describe
    from pipeline_lib.dsl.proxy import Proxy, Ref, ref_of
    from pipeline_lib.dsl.values import NotFittingError, infer
    from pipeline_lib.errors import ConditionalUseError
    from pipeline_lib.plan import expressions as ex

    for part in items if isinstance(items, list | tuple) else (items,):
        if isinstance(part, Proxy):
            seen = availability(ref_of(part), recorder)
            if seen.condition or seen.loop:
                raise ConditionalUseError(
                    f"for_each over {ref_of(part).text}, which may not exist here",
                    when=seen.condition or seen.loop,
                    at=str(place),
                    fix="put the loop inside that block",
                )
    try:
        expression, hint = infer(items)
    except NotFittingError as error:
        raise LoopError(
            f"for_each cannot loop over {items!r}", got=error.got, at=str(place), fix=error.detail
        ) from error
    item_hint, artifact = _item(hint)
    if item_hint is None:
        raise LoopError(
            f"for_each cannot loop over {items!r}",
            got=describe(hint),
            at=str(place),
            fix="pass a list parameter or a list of artifacts",
        )
    type_name = recorder.register(artifact, place) if artifact is not None else None
    scope = recorder.add_loop(expression, type_name, place)
    ref = Ref(
        expression=ex.FromItem(loop=scope.id),
        hint=item_hint,
        text=f"{items!r}[...]".replace("<", "").replace(">", ""),
        blocks=(*recorder.blocks, scope),
    )
    return scope, Proxy(ref)


def _item(hint: Any) -> tuple[Any, Any]:
    """Type of an item, and its artifact class if it is an artifact."""
    import typing
    from collections.abc import Sequence as AnySequence

    from pipeline_lib.dsl.hints import artifact_hint, origin_of, without_annotated

    artifact = artifact_hint(hint)
    if artifact is not None:
        return (artifact.kind, artifact.kind) if artifact.many and not artifact.optional else (None, None)
    bare = without_annotated(hint)
    if origin_of(bare) in (list, tuple, AnySequence):
        return typing.get_args(bare)[0], None
    return None, None


def _require_loop_head(place: Place) -> None:
    """`enumerate(for_each(x))` would give every iteration the number 0."""
    import ast

    from pipeline_lib.dsl.places import source_tree

    call, tree = place.call(), source_tree(place.code.co_filename)
    if call is None or tree is None:
        return  # no source to look at: a notebook cell, an interactive line
    spot = (call.lineno, call.col_offset)
    heads = [node.iter for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
    if not any((head.lineno, head.col_offset) == spot and isinstance(head, ast.Call) for head in heads):
        raise LoopError(
            "for_each does not head a loop here",
            at=str(place),
            fix="write `for x in for_each(items):` or a comprehension, with no enumerate, zip or list around",
        )


for_each.__recorded__ = True  # type: ignore[attr-defined]
