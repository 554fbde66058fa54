"""Conditions: `with when(...)`, `otherwise`, and the words that put conditions together.

To a checker a condition is a `bool`; while a pipeline is recorded it is an expression of the plan.
"""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from pipeline_lib.dsl.hints import Hint, comparable, describe, fits, without_annotated, without_none
from pipeline_lib.dsl.places import Place, user_place
from pipeline_lib.dsl.proxy import Proxy, Ref, ref_of
from pipeline_lib.errors import ConditionalUseError, ConditionError

if TYPE_CHECKING:
    from pipeline_lib.dsl.recording import Chain, Recorder
    from pipeline_lib.plan.expressions import Expression

T = TypeVar("T")


def when(condition: bool, /) -> AbstractContextManager[None]:
    """Nodes called in the block run only if the condition holds.

    Example: `with when(verdict.blessing.blessed): push(model)`.

    Raises:
        ConditionError: `condition` is not of the run (a plain Python bool decides nothing when compiling), or
            no `with` enters the block.
        OutsidePipelineError: Used outside a pipeline.
    """
    return cast("AbstractContextManager[None]", _Arm("when", condition, user_place()))


def otherwise(condition: bool | None = None, /) -> AbstractContextManager[None]:
    """After a `when` block at the same level: else, or, with a condition, else-if.

    Raises:
        ConditionError: There is no `when` before it at this level.
    """
    return cast("AbstractContextManager[None]", _Arm("otherwise", condition, user_place()))


class _Arm:
    """One arm of a chain, as a context manager (`__exit__` returns None: the body always falls through)."""

    def __init__(self, word: str, condition: Any, place: Place) -> None:
        from pipeline_lib.dsl.recording import require_recorder

        self._recorder: Recorder = require_recorder(word, place)
        self._expected = self._recorder.expect(word, place)
        self._word = word
        self._place = place
        is_else = word == "otherwise" and condition is None
        self._test = None if is_else else condition_of(condition, word=word, recorder=self._recorder)

    def __enter__(self) -> None:
        from pipeline_lib.dsl.recording import Guard

        recorder = self._recorder
        recorder.enter(self._expected)
        chain = self._chain()
        facts = tuple(_negated(test) for test in chain.tests)
        if self._test is None:
            chain.closed = True
        else:
            facts = (*facts, *_conjuncts(self._test))
            chain.tests.append(self._test)
        guard = Guard(facts=facts, chain=chain, place=self._place)
        chain.arms.append(guard)
        recorder.last_chains[-1] = chain
        self._outer, self._nodes_before = recorder.blocks, len(recorder.nodes)
        recorder.open(guard)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recorder.close(self._outer)
        if error is None and len(self._recorder.nodes) == self._nodes_before:
            raise ConditionError(
                f"{self._word} guards no node",
                at=str(self._place),
                fix="call components in its block, or remove it",
            )

    def _chain(self) -> "Chain":
        from pipeline_lib.dsl.recording import Chain

        if self._word == "when":
            return Chain()
        chain = self._recorder.last_chains[-1]
        if chain is None or chain.closed:
            raise ConditionError(
                "otherwise() has no when before it at this level",
                at=str(self._place),
                fix="put it right after the `with when(...)` block it belongs to",
            )
        return chain


def not_(condition: bool, /) -> bool:
    """The condition does not hold.

    Raises:
        ConditionError: `condition` is no condition.
    """
    from pipeline_lib.plan import expressions as ex

    recorder = _recorder("not_")
    negated = ex.Not(operand=condition_of(condition, word="not_", recorder=recorder))
    return cast("bool", _condition(negated, [condition]))


def exists(artifact: object, /) -> bool:
    """Whether an optional artifact is there: `latest_blessed` found one, the branch that makes it ran.

    Raises:
        ConditionError: `artifact` is not an artifact of the run.
    """
    from dataclasses import replace

    from pipeline_lib.dsl.recording import LoopScope
    from pipeline_lib.plan import expressions as ex

    _recorder("exists")
    ref = _artifact_ref(artifact, "exists")
    loops = tuple(block for block in ref.blocks if isinstance(block, LoopScope))
    exists_now = ex.Exists(operand=ref.value)
    return cast("bool", Proxy(replace(ref, expression=exists_now, hint=bool, text="exists", blocks=loops)))


def required(artifact: T | None, /) -> T:
    """An optional artifact as one that is there; the run fails where it is not, so guard it with `exists`.

    Raises:
        ConditionError: `artifact` is not an artifact of the run.
    """
    from dataclasses import replace

    from pipeline_lib.dsl.recording import LoopScope

    _recorder("required")
    ref = _artifact_ref(artifact, "required")
    blocks = tuple(block for block in ref.blocks if isinstance(block, LoopScope))
    known = replace(ref, hint=without_none(ref.hint)[0], blocks=blocks, text=f"required({ref.text})")
    return cast("T", Proxy(known))


def either(first: T, /, *others: T) -> T:
    """The first of several artifacts that exists; `None` as the last one allows that there is none.

    Raises:
        ConditionError: The choices are of unrelated types, or it may be that none of them exists.
    """
    from pipeline_lib.dsl.merging import merge

    return cast("T", merge((first, *others), _recorder("either"), user_place()))


def join(op: str, left: Any, right: Any) -> Any:
    """`left & right` or `left | right`.

    Raises:
        ConditionError: One of them is no condition.
    """
    from pipeline_lib.plan import expressions as ex

    recorder = _recorder(op)
    sides = [condition_of(side, word=op, recorder=recorder) for side in (left, right)]
    kind = ex.AllOf if op == "&" else ex.AnyOf
    operands = tuple(
        part for side in sides for part in (side.operands if isinstance(side, kind) else (side,))
    )
    return _condition(kind(operands=operands), [left, right])


def compare(op: str, left: Any, right: Any) -> Any:
    """A comparison of a recorded value with another value.

    Raises:
        ConditionError: The two can never be compared.
    """
    from pipeline_lib.dsl.values import NotFittingError, infer
    from pipeline_lib.plan import expressions as ex

    _recorder(op)
    try:
        (a, left_hint), (b, right_hint) = infer(left), infer(right)
    except NotFittingError as error:
        raise ConditionError(
            f"{left!r} {op} {right!r} cannot be recorded", at=str(user_place()), fix=error.detail
        ) from error
    if right is None or left is None:
        _require_maybe_none(op, left, right, hint=left_hint if right is None else right_hint)
    elif not comparable(left_hint, right_hint, ordered=op not in {"==", "!="}):
        raise ConditionError(
            f"{left!r} {op} {right!r} compares {describe(left_hint)} with {describe(right_hint)}",
            at=str(user_place()),
            fix=_comparison_fix(left_hint, right_hint),
        )
    return _condition(ex.Compare(op=cast("Any", op), left=a, right=b), [left, right])


def _require_maybe_none(op: str, left: Any, right: Any, *, hint: Hint) -> None:
    from pipeline_lib.dsl.hints import artifact_hint

    if artifact_hint(hint) is not None:
        fix = "write exists(...) or not_(exists(...))"
    elif op not in {"==", "!="}:
        fix = "compare None with == or !="
    elif without_none(without_annotated(hint))[1]:
        return
    else:
        fix = f"leave it out: {describe(hint)} is never None"
    raise ConditionError(f"{left!r} {op} {right!r} cannot be recorded", at=str(user_place()), fix=fix)


def condition_of(value: Any, *, word: str, recorder: "Recorder") -> "Expression":
    """The expression of a condition.

    Raises:
        ConditionError: The value is not a bool of the run.
        ConditionalUseError: It reads something that may not exist here.
    """
    from pipeline_lib.dsl.availability import availability
    from pipeline_lib.plan import expressions as ex

    joins = word in {"&", "|"}
    if isinstance(value, bool) and joins:
        return ex.Constant(value=value)
    if not isinstance(value, Proxy):
        _raise_no_condition(word, type(value).__name__ if joins else repr(value))
    ref = ref_of(value)
    if ref.expression is None or not fits(ref.hint, bool):
        _raise_no_condition(word, describe(ref.hint) if joins else f"{ref.text}, {describe(ref.hint)}")
    seen = availability(ref, recorder)
    if seen.condition or seen.loop:
        raise ConditionalUseError(
            f"{word} reads {ref.text}, which may not exist here",
            when=seen.condition or seen.loop,
            at=str(user_place()),
            fix="move it into that block",
        )
    return ref.expression


def _raise_no_condition(word: str, got: str) -> NoReturn:
    if word in {"&", "|"}:
        summary = f"{word} joins two conditions, not {got}"
        fix = f"put comparisons in parentheses: (a > 1) {word} b"
    else:
        summary = f"{word} needs a condition of the run, not {got}"
        fix = "compare it with something, use a bool property or parameter, or exists(...)"
    raise ConditionError(summary, at=str(user_place()), fix=fix)


def _recorder(word: str) -> "Recorder":
    from pipeline_lib.dsl.recording import require_recorder

    return require_recorder(word, user_place())


def _condition(expression: "Expression", parts: list[Any]) -> Any:
    """A recorded bool; it lives in the blocks of what it reads."""
    refs = [ref_of(part) for part in parts if isinstance(part, Proxy)]
    blocks: tuple[Any, ...] = ()
    for ref in refs:
        blocks = (*blocks, *(block for block in ref.blocks if not any(block is b for b in blocks)))
    handler = any(ref.exit_handler for ref in refs)
    return Proxy(Ref(expression=expression, hint=bool, text="condition", blocks=blocks, exit_handler=handler))


def _artifact_ref(value: object, word: str) -> Ref:
    from pipeline_lib.dsl.hints import artifact_hint

    if isinstance(value, Proxy) and artifact_hint(ref_of(value).hint) is not None:
        return ref_of(value)
    raise ConditionError(
        f"{word} needs an artifact of the run, not {value!r}",
        at=str(user_place()),
        fix="pass the output of a component or resolver",
    )


def _negated(test: "Expression") -> "Expression":
    from pipeline_lib.plan import expressions as ex

    return test.operand if isinstance(test, ex.Not) else ex.Not(operand=test)


def _conjuncts(test: "Expression") -> tuple["Expression", ...]:
    from pipeline_lib.plan import expressions as ex

    return test.operands if isinstance(test, ex.AllOf) else (test,)


def _comparison_fix(left: Hint, right: Hint) -> str:
    if without_none(left)[1] or without_none(right)[1]:
        return (
            "it may be None: compare with == or !=; an artifact is guarded with exists(...) and required(...)"
        )
    return "compare values of one type"


for _function in (either, required, exists, not_):
    _function.__recorded__ = True  # type: ignore[attr-defined]
