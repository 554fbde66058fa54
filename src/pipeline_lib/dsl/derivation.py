"""Parts of recorded values: fields, items and artifact properties, each with its declared type."""

import dataclasses
import difflib
import inspect
import typing
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NoReturn, cast

from pipeline_lib.artifacts.artifact import Artifact, artifact_type_hints
from pipeline_lib.dsl.hints import (
    Hint,
    describe,
    origin_of,
    without_annotated,
    without_bound,
    without_none,
)
from pipeline_lib.dsl.places import user_place
from pipeline_lib.dsl.proxy import Proxy, Ref
from pipeline_lib.errors import RecordedValueError, UnknownAttributeError
from pipeline_lib.plan import expressions as ex


def attribute(ref: Ref, name: str) -> Proxy:
    """`value.name`: an artifact's property, or a field of a dataclass or pydantic model.

    Raises:
        UnknownAttributeError: The type has no such attribute.
        RecordedValueError: It has, but only a run knows it (`path`, `year`), or the value may be None.
    """
    bare, optional = without_none(without_annotated(without_bound(ref.hint)))
    if optional:
        _raise_optional(ref, name)
    if inspect.isclass(bare) and issubclass(bare, Artifact):
        return _artifact_property(ref, bare, name)
    fields = structure_fields(bare) or {}
    if name not in fields and hasattr(bare, name):
        _raise_unavailable(ref, name)
    if name not in fields:
        _raise_unknown(ref, name, fields)
    return step_into(ref, name, fields[name], f".{name}")


def item(ref: Ref, key: Any) -> Proxy:
    """`value[key]`: an item of a list by number, of a dict by text.

    Raises:
        RecordedValueError: The key is not known, or is not of that kind.
        UnknownAttributeError: The type has no items.
    """
    bare, optional = without_none(without_annotated(ref.hint))
    if optional:
        _raise_optional(ref, f"[{key!r}]")
    origin, args = origin_of(bare) or bare, typing.get_args(bare)
    if isinstance(key, Proxy | slice):
        raise RecordedValueError(
            f"{ref.text}[{key!r}] cannot be recorded",
            at=str(user_place()),
            fix="pick one item by a number or text that is written here, or let a component pick",
        )
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return _keyed(ref, key, str, args[1] if len(args) > 1 else Any)
    if inspect.isclass(origin) and issubclass(origin, Sequence) and origin is not str:
        return _keyed(ref, key, int, args[0] if args else Any)
    return _raise_unknown(ref, f"[{key!r}]", ())


def step_into(ref: Ref, step: str | int, hint: Hint, suffix: str) -> Proxy:
    """A proxy of one part, its path one step longer.

    Raises:
        RecordedValueError: The value is put together in the pipeline, so that it has no path.
    """
    match ref.expression:
        case ex.FromOutput() as output if isinstance(step, int):
            return ref.derive(output.model_copy(update={"path": (*output.path, step)}), hint, suffix)
        case ex.FromParameter() | ex.FromItem() | ex.FromProperty() as source:
            return ref.derive(source.model_copy(update={"path": (*source.path, step)}), hint, suffix)
    raise RecordedValueError(
        f"{ref.text}{suffix} cannot be recorded", at=str(user_place()), fix="let a component pick the part"
    )


def structure_fields(kind: Any) -> dict[str, Hint] | None:
    """Fields of a dataclass or pydantic model with their types; None for anything else."""
    if not inspect.isclass(kind):
        return None
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    model_fields = getattr(kind, "model_fields", None)
    if isinstance(model_fields, dict):
        return {name: cast("Any", field).annotation for name, field in model_fields.items()}
    return None


def _artifact_property(ref: Ref, kind: type[Artifact], name: str) -> Proxy:
    hints = artifact_type_hints(kind)
    if name in hints:
        optional = without_none(without_annotated(hints[name]))[1]
        source = ex.FromProperty(artifact=ref.expression, name=name, optional=optional)
        return ref.derive(source, hints[name], f".{name}")
    if not name.startswith("_") and hasattr(kind, name):
        _raise_unavailable(ref, name)
    return _raise_unknown(ref, name, hints)


def _keyed(ref: Ref, key: Any, kind: type[str] | type[int], hint: Hint) -> Proxy:
    if type(key) is not kind:
        raise RecordedValueError(
            f"{ref.text}[{key!r}]: its items are picked by {kind.__name__}",
            at=str(user_place()),
            fix=f"use a {kind.__name__}",
        )
    return step_into(ref, key, hint, f"[{key!r}]")


def _raise_optional(ref: Ref, name: str) -> NoReturn:
    raise RecordedValueError(
        f"{ref.text} may be None, so {name.strip('.')} may not be there",
        at=str(user_place()),
        got=describe(ref.hint),
        fix="guard it: `with when(exists(x) & (required(x)... ))`",
    )


def _raise_unavailable(ref: Ref, name: str) -> NoReturn:
    bare, _ = without_none(without_annotated(ref.hint))
    is_date = inspect.isclass(bare) and issubclass(bare, date)
    fix = (
        "pass the date itself and take it apart in a component" if is_date else "use it in a component's body"
    )
    raise RecordedValueError(f"{ref.text}.{name} is known only in a run", at=str(user_place()), fix=fix)


def _raise_unknown(ref: Ref, name: str, known: Iterable[str]) -> NoReturn:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    fix = f"use one of: {', '.join(names)}" if names else "check its type"
    if near:
        fix = f"did you mean {near[0]}?"
    raise UnknownAttributeError(
        f"{ref.text} has no {name}", at=str(user_place()), got=describe(ref.hint), fix=fix
    )
