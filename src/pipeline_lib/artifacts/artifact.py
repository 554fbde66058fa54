"""`Artifact`: a typed reference to a directory of files, with typed, queryable properties.

A subclass lists its properties as annotations; the class is then checked like a dataclass:

    class Model(Artifact):
        accuracy: float                # required by Model.new(...)
        framework: str = "keras"
        layers: int = later()          # the body sets it; publishing fails if it did not
"""

import typing
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Self, TypeVar, dataclass_transform

from pipeline_lib.artifacts.properties import PropertySpec, property_specs
from pipeline_lib.artifacts.workspace import active_workspace, current_workspace
from pipeline_lib.errors import (
    MissingPayloadError,
    PropertyTypeError,
    UnknownPropertyError,
    UnsetPropertyError,
)

P = ParamSpec("P")
T = TypeVar("T")

BASE_TYPES = ("Dataset", "Model", "Statistics", "Metrics")


class _Later:
    def __repr__(self) -> str:
        return "later()"


_LATER = _Later()


def later() -> Any:
    """Mark a property that the component's body sets after `new`."""
    return _LATER


class Location:
    """Where an artifact's files are, and what the store knows of it."""

    __slots__ = ("digest", "id", "local", "uri")

    def __init__(
        self,
        *,
        uri: str,
        digest: str = "",
        id: int | None = None,  # noqa: A002
        local: Path | None = None,
    ) -> None:
        self.uri, self.digest, self.id, self.local = uri, digest, id, local


@dataclass_transform(kw_only_default=True, eq_default=False)
class Artifact:
    """A published directory (or one being written), its type and its properties.

    Class keywords of a subclass:
        type_name: Name of the type in ML Metadata; the class's own name by default.
        base_type: ML Metadata system type: Dataset, Model, Statistics or Metrics.
        declared: Properties declared on the ML Metadata type; the rest are custom properties. All by
            default: TFX's types declare few of theirs, and ours must match them.
    """

    type_name: ClassVar[str] = "Artifact"
    base_type: ClassVar[str | None] = None
    declared: ClassVar[tuple[str, ...] | None] = None

    def __init_subclass__(
        cls,
        *,
        type_name: str | None = None,
        base_type: str | None = None,
        declared: tuple[str, ...] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.type_name = type_name or cls.__name__
        cls.base_type = base_type or cls.base_type
        cls.declared = declared

    @classmethod
    def new(cls: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Start an output: an empty directory, published only if the component succeeds.

        Args:
            args: None; properties are keywords.
            kwargs: The properties, checked against their annotations.

        Raises:
            NoWorkspaceError: Called outside a component's body.
            PropertyTypeError: A value has another type than the annotation.
            UnknownPropertyError: The type has no such property.
        """
        made = cls(*args, **kwargs)
        _place_in_workspace(made)
        return made

    @classmethod
    def at(cls, uri: str | Path, /, *, digest: str = "", id: int | None = None, **properties: Any) -> Self:  # noqa: A002
        """Refer to files that exist already: what the executor and unit tests hand to a body.

        Args:
            uri: A directory or a URL that fsspec knows.
            digest: Content digest, if known.
            id: Identity in the metadata store, if known.
            properties: Any of the type's properties; those left out stay unset.
        """
        known = object.__new__(cls)
        known.__dict__["_values"] = {}
        known.__dict__["_location"] = Location(uri=str(uri), digest=digest, id=id)
        for name, value in properties.items():
            setattr(known, name, value)
        return known

    @classmethod
    def property_specs(cls) -> Mapping[str, PropertySpec]:
        """The type's properties by name, inherited ones first.

        Raises:
            PropertyDeclarationError: An annotation is of a type that cannot be stored.
        """
        return _specs(typing.cast("type", cls))  # to mypy, Artifact's own __hash__ hides type's

    @property
    def uri(self) -> str:
        """Where the files are, as fsspec reads it."""
        return self._located().uri

    @property
    def path(self) -> Path:
        """A local directory with the files; for a remote artifact a verified copy, made on first use.

        Raises:
            MissingPayloadError: There is nothing at the uri.
        """
        location = self._located()
        if location.local is None:
            space = active_workspace()
            if space is not None:
                location.local = space.localise(location.uri, location.digest)
            else:
                location.local = Path(location.uri.removeprefix("file://"))
            if not location.local.exists():
                raise MissingPayloadError(
                    f"{self.type_name} has no files", at=location.uri, fix="run `pipeline doctor`"
                )
        return location.local

    @property
    def digest(self) -> str:
        """Content digest of files, type and properties; empty until published."""
        return self._located().digest

    @property
    def id(self) -> int | None:
        """Identity in the metadata store; None until published."""
        return self._located().id

    def property_values(self) -> dict[str, Any]:
        """The properties that are set, by name."""
        return dict(self.__dict__["_values"])

    def require_complete(self) -> None:
        """Check that every property without a default was set.

        Raises:
            UnsetPropertyError: One was not.
        """
        unset = [
            name
            for name, spec in self.property_specs().items()
            # One that was published before its type had all of today's properties has those defaults.
            if name not in self.__dict__["_values"] and spec.default in (_LATER, PropertySpec.REQUIRED)
        ]
        if unset:
            raise UnsetPropertyError(
                f"{type(self).__name__}.{unset[0]} was never set",
                fix=f"set it before the component returns, or give {unset[0]} a default",
            )

    def _located(self) -> Location:
        location: Location = self.__dict__["_location"]
        return location

    if not TYPE_CHECKING:  # visible, these would switch off the checkers' search for typing errors

        def __init__(self, **properties: Any) -> None:
            self.__dict__["_values"] = {}
            self.__dict__["_location"] = Location(uri="")
            specs = self.property_specs()
            for name in properties:
                _require_known(type(self), name)
            for name, spec in specs.items():
                value = properties[name] if name in properties else _own(spec.default)
                if value is PropertySpec.REQUIRED:
                    raise PropertyTypeError(
                        f"{type(self).__name__}.new needs {name}",
                        needs=f"{name}: {spec.kind.value}",
                        fix=f"pass {name}=..., or declare it `= later()` and set it in the body",
                    )
                if value is not _LATER:
                    setattr(self, name, value)

        def __setattr__(self, name: str, value: Any) -> None:
            _require_known(type(self), name)
            self.__dict__["_values"][name] = self.property_specs()[name].check(
                value, owner=type(self).__name__
            )

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            _require_known(type(self), name)
            return self._value(name)

        def __getattribute__(self, name: str) -> Any:
            if not name.startswith("_"):
                values = object.__getattribute__(self, "__dict__").get("_values", {})
                if name in values:
                    return values[name]
                if name in _annotated(type(self)):
                    return object.__getattribute__(self, "_value")(name)
            return object.__getattribute__(self, name)

    def _value(self, name: str) -> Any:
        spec = self.property_specs()[name]
        if name in self.__dict__["_values"]:
            return self.__dict__["_values"][name]
        if spec.default is not _LATER and spec.default is not PropertySpec.REQUIRED:
            return _own(spec.default)
        raise UnsetPropertyError(
            f"{type(self).__name__}.{name} is not set", fix=f"set {name} before reading it"
        )

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.__dict__["_values"].items())
        return f"{type(self).__name__}({values}) at {self._located().uri or 'no place yet'}"


def _own(default: Any) -> Any:
    """A list or dict of the class's is not shared by its artifacts."""
    return deepcopy(default) if isinstance(default, list | dict) else default


def artifact_type_hints(cls: type[Artifact]) -> dict[str, Any]:
    """Annotations of the class and its bases, evaluated, without class variables."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {name: hint for name, hint in hints.items() if typing.get_origin(hint) is not ClassVar}


@cache
def _specs(cls: type) -> dict[str, PropertySpec]:
    return property_specs(cls.__name__, artifact_type_hints(cls), defaults=_defaults(cls))


@cache
def _annotated(cls: type[Artifact]) -> frozenset[str]:
    names = {name for base in cls.__mro__ for name in base.__dict__.get("__annotations__", {})}
    return frozenset(names - {"type_name", "base_type", "declared"})


def _defaults(cls: type[Artifact]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name in base.__dict__.get("__annotations__", {}):
            if name in base.__dict__:
                found[name] = base.__dict__[name]
    return found


def _require_known(cls: type[Artifact], name: str) -> None:
    if name in cls.property_specs():
        return
    import difflib

    near = difflib.get_close_matches(name, cls.property_specs(), n=1)
    known = ", ".join(cls.property_specs()) or "none"
    raise UnknownPropertyError(
        f"{cls.__name__} has no property {name}",
        known=known,
        fix=f"did you mean {near[0]}?" if near else f"use one of: {known}",
    )


def _place_in_workspace(made: Any) -> None:
    location: Location = made.__dict__["_location"]
    location.local = current_workspace().new_directory(type(made).type_name)
    location.uri = str(location.local)
