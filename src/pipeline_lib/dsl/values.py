"""Python values as expressions of the plan: constants, recorded values, and what is made of both."""

import dataclasses
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from pipeline_lib.dsl.derivation import structure_fields
from pipeline_lib.dsl.hints import Hint, fits, is_union, without_annotated, without_none
from pipeline_lib.dsl.proxy import Proxy, ref_of
from pipeline_lib.plan import expressions as ex


class NotFittingError(Exception):
    """A value does not fit its declared type; `expression_of`'s callers add the place."""

    def __init__(self, got: str, detail: str = "") -> None:
        super().__init__(got)
        self.got, self.detail = got, detail


class NoJsonFormError(Exception):
    """A type has no JSON form, so that its values cannot be parameters."""


@lru_cache(maxsize=1024)
def _cached_adapter(hint: Hint) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


def adapter(hint: Hint) -> TypeAdapter[Any]:
    """Pydantic's reader and writer of a type.

    Raises:
        NoJsonFormError: There is none.
    """
    try:
        return _cached_adapter(hint)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise NoJsonFormError(str(error).partition("\n")[0]) from error


def constant(value: Any, hint: Hint) -> Any:
    """A Python value as plain JSON, checked strictly against its type.

    Raises:
        NotFittingError: It is of another type, out of its bounds, or no JSON can hold it.
    """
    from pipeline_lib.hashing import why_not_plain

    if _holds(value, _is_set):
        raise NotFittingError(
            type(value).__name__, "declare a list or tuple, and pass one: a set's order differs by process"
        )
    reader = adapter(hint)
    try:
        checked = reader.validate_python(value, strict=True)
    except ValidationError as error:
        raise NotFittingError(type(value).__name__, _first_fault(error)) from error
    try:
        plain = reader.dump_python(checked, mode="json", warnings=False)
    except (PydanticSerializationError, UnicodeDecodeError) as error:
        raise NotFittingError(type(value).__name__, f"pass what JSON can hold ({error})") from error
    # Pydantic writes null for a NaN of which no type says that it is a float.
    if fault := why_not_plain(math.inf if _holds(value, _is_infinite) else plain):
        raise NotFittingError(type(value).__name__, f"pass {fault}")
    return plain


def from_json(value: Any, hint: Hint) -> Any:
    """A value from plain JSON, as the annotation says.

    Raises:
        NotFittingError: It does not fit.
    """
    from pipeline_lib.hashing import canonical_json

    try:
        return adapter(hint).validate_json(canonical_json(value), strict=True)
    except ValidationError as error:
        raise NotFittingError(type(value).__name__, _first_fault(error)) from error


def expression_of(value: Any, hint: Hint, read: Callable[[Proxy], ex.Expression]) -> ex.Expression:
    """The expression of a parameter's value.

    Args:
        value: A plain value, a proxy, or a list, dict, dataclass or model with proxies inside.
        hint: Its declared type.
        read: Gives a proxy's expression, after checking that it exists here.

    Raises:
        NotFittingError: The value is of another type.
    """
    if isinstance(value, Proxy):
        ref = ref_of(value)
        if not fits(ref.hint, hint):
            from pipeline_lib.dsl.hints import describe

            raise NotFittingError(describe(ref.hint))
        return read(value)
    if not _holds(value, _is_proxy):
        return ex.Constant(value=constant(value, hint))
    bare, _ = without_none(without_annotated(hint))
    if isinstance(value, list | tuple):
        part = _item_hint(bare)
        return ex.ListOf(items=tuple(expression_of(item, part, read) for item in value))
    if isinstance(value, Mapping):
        args = typing.get_args(bare)
        part = args[1] if len(args) > 1 else Any
        return ex.Struct(fields={str(key): expression_of(item, part, read) for key, item in value.items()})
    if not fits(type(value), bare):
        raise NotFittingError(type(value).__name__)
    fields = structure_fields(type(value)) or {}
    return ex.Struct(
        fields={name: expression_of(getattr(value, name), part, read) for name, part in fields.items()}
    )


def infer(value: Any) -> tuple[ex.Expression, Hint]:
    """The expression and type of a value whose type nobody declared (a side of a comparison, loop items)."""
    if isinstance(value, Proxy):
        ref = ref_of(value)
        return (ref.expression if ref.expression is not None else ex.Constant(value=None)), ref.hint
    if isinstance(value, list | tuple):
        parts = [infer(item) for item in value]
        hints = [hint for _, hint in parts]
        common = next((hint for hint in hints if all(fits(other, hint) for other in hints)), Any)
        kind: Any = list
        if not _holds(value, _is_proxy):
            return ex.Constant(value=[constant(item, type(item)) for item in value]), kind[common]
        return ex.ListOf(items=tuple(part for part, _ in parts)), kind[common]
    return ex.Constant(value=constant(value, type(value))), type(value)


def _holds(value: Any, is_one: Callable[[Any], bool]) -> bool:
    if is_one(value):
        return True
    if isinstance(value, Proxy | str | bytes | int | float) or value is None:
        return False
    return any(_holds(part, is_one) for part in _parts(value))


def _is_proxy(value: Any) -> bool:
    return isinstance(value, Proxy)


def _is_set(value: Any) -> bool:
    return isinstance(value, set | frozenset)


def _is_infinite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return [getattr(value, name) for name in structure_fields(type(value)) or ()]


def _item_hint(hint: Hint) -> Hint:
    if is_union(hint):
        return Any
    args = typing.get_args(hint)
    return args[0] if args else Any


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in fault["loc"]) or "the value"
    message = fault["msg"]
    return place + message.removeprefix("Input") if message.startswith("Input ") else f"{place}: {message}"
