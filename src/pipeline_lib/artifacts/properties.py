"""Typed properties of artifacts: which Python types can be stored, and how they look in plain JSON."""

import enum
import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from pipeline_lib.errors import PropertyDeclarationError, PropertyTypeError
from pipeline_lib.hashing import why_not_plain


class PropertyKind(enum.Enum):
    """How a property is stored: one of ML Metadata's kinds, or text that holds JSON or an ISO date."""

    INT = "int"
    FLOAT = "float"
    STRING = "str"
    BOOL = "bool"
    DATE = "date"
    JSON = "json"


_KINDS: dict[type, PropertyKind] = {
    bool: PropertyKind.BOOL,
    int: PropertyKind.INT,
    float: PropertyKind.FLOAT,
    str: PropertyKind.STRING,
    date: PropertyKind.DATE,
    list: PropertyKind.JSON,
    dict: PropertyKind.JSON,
}
_ACCEPTED: dict[PropertyKind, tuple[type, ...]] = {
    PropertyKind.INT: (int,),
    PropertyKind.FLOAT: (float, int),
    PropertyKind.STRING: (str,),
    PropertyKind.BOOL: (bool,),
    PropertyKind.DATE: (date,),
    PropertyKind.JSON: (list, dict, tuple),
}


class _Required:
    def __repr__(self) -> str:
        return "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertySpec:
    """One property of an artifact type.

    Attributes:
        name: As annotated.
        kind: How it is stored.
        optional: Whether None is allowed (and stored as absent).
        default: The default value, `REQUIRED`, or the `later()` mark.
    """

    REQUIRED: ClassVar[Any] = _Required()

    name: str
    kind: PropertyKind
    optional: bool
    default: Any

    def check(self, value: Any, *, owner: str) -> Any:
        """A value to be stored, as it is kept: an int given for a float becomes one, a tuple a list.

        Raises:
            PropertyTypeError: The value has another type than the annotation, or no store can hold it.
        """
        kept = self.typed(value, owner=owner)
        if fault := self._why_not_stored(kept):
            raise PropertyTypeError(
                f"{owner}.{self.name} cannot be {reprlib.repr(value)}",
                needs=fault,
                fix="leave it out or, if it is declared `... | None`, pass None; files can hold anything",
            )
        return kept

    def _why_not_stored(self, value: Any) -> str | None:
        if self.kind is PropertyKind.INT and value is not None and not -(2**63) <= value < 2**63:
            return "an int of 64 bits"
        return why_not_plain(None if isinstance(value, date) else value)

    def typed(self, value: Any, *, owner: str) -> Any:
        """A value of the annotated type, as it is kept.

        Raises:
            PropertyTypeError: It has another type.
        """
        if value is None and self.optional:
            return None
        is_bool_for_number = isinstance(value, bool) and self.kind is not PropertyKind.BOOL
        is_accepted = isinstance(value, _ACCEPTED[self.kind])
        if is_bool_for_number or not is_accepted:
            raise PropertyTypeError(
                f"{owner}.{self.name} cannot be {value!r}",
                needs=self.kind.value,
                got=type(value).__name__,
                fix=f"pass a value of type {self.kind.value}",
            )
        if self.kind is PropertyKind.FLOAT:
            return float(value)
        return list(value) if isinstance(value, tuple) else value


def property_specs(
    owner: str, hints: Mapping[str, Any], *, defaults: Mapping[str, Any]
) -> dict[str, PropertySpec]:
    """Specs from evaluated annotations.

    Raises:
        PropertyDeclarationError: An annotation is of a type that cannot be stored and queried.
    """
    specs = {}
    for name, hint in hints.items():
        bare, optional = _without_none(hint)
        kind = _KINDS.get(typing.get_origin(bare) or bare)
        if kind is None:
            raise PropertyDeclarationError(
                f"{owner}.{name} has a type that cannot be a property",
                got=hint,
                needs="int, float, str, bool, date, list or dict",
                fix="put other data into the artifact's files",
            )
        default = defaults.get(name, None if optional else PropertySpec.REQUIRED)
        if optional and isinstance(default, _ACCEPTED[kind]):
            raise PropertyDeclarationError(
                f"{owner}.{name} may be None, and has the default {default!r}",
                needs="the default None: it is stored as an absent property, which would read as the default",
                fix="write `= None`, or declare it without None",
            )
        specs[name] = PropertySpec(name=name, kind=kind, optional=optional, default=default)
    return specs


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Property values as plain JSON: dates as ISO text; what is None is left out (it is stored as absent)."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
        if value is not None
    }


def from_json(specs: Mapping[str, PropertySpec], values: Mapping[str, Any]) -> dict[str, Any]:
    """Property values from plain JSON; names that the type does not have (any more) are left out.

    Raises:
        PropertyTypeError: A value cannot be one of its property's type.
    """
    found = {}
    for name, value in values.items():
        spec = specs.get(name)
        if spec is None:
            continue
        found[name] = spec.typed(
            _from_iso(name, value) if spec.kind is PropertyKind.DATE else value, owner="artifact"
        )
    return found


def _from_iso(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise PropertyTypeError(
            f"{name} cannot be {value!r}", needs="an ISO date", fix="give YYYY-MM-DD"
        ) from error


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        if len(rest) == 1 and len(rest) < len(typing.get_args(hint)):
            return rest[0], True
    return hint, False
