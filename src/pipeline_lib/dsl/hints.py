"""What an annotation means to the compiler: which are artifacts, and which type fits which."""

import collections.abc
import inspect
import operator
import types
import typing
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import Annotated, Any, Literal, TypeVar

from pipeline_lib.artifacts.artifact import Artifact

Hint = Any  # a type, a parametrised generic, a union, a TypeVar

_SEQUENCES = (list, tuple, collections.abc.Sequence)
_MAPPINGS = (dict, collections.abc.Mapping)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactHint:
    """An annotation that stands for artifacts: `A`, `A | None`, `Sequence[A]` or `list[A]`."""

    kind: type[Artifact]
    many: bool = False
    optional: bool = False

    def __str__(self) -> str:
        name = f"list of {self.kind.__name__}" if self.many else self.kind.__name__
        return f"{name} | None" if self.optional else name


def origin_of(hint: Hint) -> Any:
    """`list` of `list[int]`; None for a plain class (typeshed knows this less well)."""
    return typing.get_origin(hint)


def artifact_hint(hint: Hint) -> ArtifactHint | None:
    """What an annotation says of artifacts; None if it is a parameter's."""
    bare, optional = without_none(without_annotated(hint))
    if origin_of(bare) in _SEQUENCES and typing.get_args(bare):
        kind, many = without_bound(typing.get_args(bare)[0]), True
    else:
        kind, many = without_bound(bare), False
    if inspect.isclass(kind) and issubclass(kind, Artifact):
        return ArtifactHint(kind=kind, many=many, optional=optional)
    return None


def without_annotated(hint: Hint) -> Hint:
    """`Annotated[T, ...]` as T."""
    return typing.get_args(hint)[0] if origin_of(hint) is Annotated else hint


def without_none(hint: Hint) -> tuple[Hint, bool]:
    """`T | None` as T and True; anything else as itself and False."""
    if not is_union(hint):
        return hint, False
    args = typing.get_args(hint)
    rest = tuple(arg for arg in args if arg is not type(None))
    return (union_of(rest) if len(rest) < len(args) else hint), len(rest) < len(args)


def without_bound(hint: Hint) -> Hint:
    """A TypeVar as its bound."""
    return hint.__bound__ if isinstance(hint, TypeVar) and hint.__bound__ is not None else hint


def is_union(hint: Hint) -> bool:
    """Whether the hint is `A | B` in either spelling."""
    return origin_of(hint) in (typing.Union, types.UnionType)


def union_of(hints: tuple[Hint, ...]) -> Hint:
    """`A | B | C`."""
    return reduce(operator.or_, hints)


def substitute(hint: Hint, solved: dict[Any, Hint]) -> Hint:
    """The hint with its TypeVars replaced."""
    if isinstance(hint, TypeVar):
        return solved.get(hint, without_bound(hint))
    args = typing.get_args(hint)
    if not args or origin_of(hint) is Literal:
        return hint
    replaced = tuple(substitute(arg, solved) for arg in args)
    if is_union(hint):
        return union_of(replaced)
    return origin_of(hint)[replaced]


def describe(hint: Hint) -> str:
    """The hint as an author writes it: `Model | None`, `Sequence[Model]`."""
    if hint is None or hint is type(None):
        return "None"
    if is_union(hint):
        return " | ".join(describe(arg) for arg in typing.get_args(hint))
    if origin_of(hint) is Annotated:
        return describe(typing.get_args(hint)[0])
    if origin_of(hint) is Literal:
        return f"Literal[{', '.join(repr(arg) for arg in typing.get_args(hint))}]"
    origin, args = origin_of(hint), typing.get_args(hint)
    if origin is not None and args:
        inner = ", ".join("..." if arg is ... else describe(arg) for arg in args)
        return f"{origin.__name__}[{inner}]"
    name: str = getattr(hint, "__name__", repr(hint))
    return name


def fits(actual: Hint, expected: Hint) -> bool:
    """Whether a value of one type may go where another is expected: the checkers' rule, restated."""
    actual, expected = without_annotated(without_bound(actual)), without_annotated(without_bound(expected))
    if actual is Any or expected is Any or expected is object or actual == expected:
        return True
    if is_union(actual):
        return all(fits(arg, expected) for arg in typing.get_args(actual))
    if origin_of(actual) is Literal:
        return all(_literal_fits(value, expected) for value in typing.get_args(actual))
    if is_union(expected):
        return any(fits(actual, arg) for arg in typing.get_args(expected))
    if origin_of(expected) is Literal:
        return False
    return _class_fits(actual, expected) and _arguments_fit(actual, expected)


def _literal_fits(value: Any, expected: Hint) -> bool:
    if origin_of(expected) is Literal:
        return value in typing.get_args(expected)
    if is_union(expected):
        return any(_literal_fits(value, arg) for arg in typing.get_args(expected))
    return fits(type(value), expected)


def _class_fits(actual: Hint, expected: Hint) -> bool:
    left, right = origin_of(actual) or actual, origin_of(expected) or expected
    if not (inspect.isclass(left) and inspect.isclass(right)):
        return False
    if right is float and left is int:
        return True
    if right is collections.abc.Sequence and left is str:
        return False  # a str where several values are wanted is a mistake, whatever typing says
    return issubclass(left, right)


def _arguments_fit(actual: Hint, expected: Hint) -> bool:
    wanted, given = typing.get_args(expected), typing.get_args(actual)
    if not wanted or not given:
        return True
    origin = origin_of(actual)
    if origin in _MAPPINGS:
        return len(given) == len(wanted) and all(fits(g, w) for g, w in zip(given, wanted, strict=True))
    if origin is tuple and origin_of(expected) is tuple:
        return _tuples_fit(given, wanted)
    return all(fits(g, wanted[0]) for g in given if g is not ...)


def _tuples_fit(given: tuple[Hint, ...], wanted: tuple[Hint, ...]) -> bool:
    if wanted[-1] is ...:
        return all(fits(g, wanted[0]) for g in given if g is not ...)
    return len(given) == len(wanted) and all(fits(g, w) for g, w in zip(given, wanted, strict=True))


def comparable(left: Hint, right: Hint, *, ordered: bool) -> bool:
    """Whether `left < right` (or, if not ordered, `left == right`) can ever mean something."""
    left, right = without_annotated(left), without_annotated(right)
    numbers = (bool, int, float)
    if ordered:
        same = (fits(left, right) or fits(right, left)) and not _optional(left, right)
        unordered = any(inspect.isclass(t) and issubclass(t, Enum | Artifact | dict) for t in (left, right))
        return (left in numbers and right in numbers) or (same and not unordered)
    return (
        (left in numbers and right in numbers)
        or fits(left, right)
        or fits(right, left)
        or (
            _optional(left, right)
            and comparable(without_none(left)[0], without_none(right)[0], ordered=False)
        )
    )


def _optional(*hints: Hint) -> bool:
    return any(without_none(hint)[1] for hint in hints)
