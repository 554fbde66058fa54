"""What a component's or resolver's function declares: inputs, parameters, outputs."""

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.dsl.hints import (
    ArtifactHint,
    Hint,
    artifact_hint,
    describe,
    origin_of,
    without_annotated,
    without_none,
)
from pipeline_lib.dsl.places import shown_path
from pipeline_lib.errors import DeclarationError

MISSING: Any = inspect.Parameter.empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of the function.

    Attributes:
        artifact: What it says of artifacts; None for a parameter.
        plain: The annotation without `Annotated` and `| None`.
        default: Its default, or `MISSING`.
    """

    name: str
    hint: Hint
    artifact: ArtifactHint | None
    plain: Hint
    default: Any

    @property
    def needed(self) -> bool:
        """Whether a call must give it."""
        return self.default is MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output; `hint` still holds a resolver's TypeVars."""

    port: str
    hint: Hint
    artifact: ArtifactHint


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A function's declaration.

    Attributes:
        name: The function's.
        at: Where it is defined, `file:line`.
        call: Its Python signature, without a resolver's `history`.
        result: The NamedTuple it returns, or None for one output or none.
    """

    name: str
    at: str
    call: inspect.Signature
    arguments: dict[str, Argument]
    outputs: tuple[Output, ...]
    result: Callable[..., Any] | None


def read_signature(
    function: Callable[..., Any], *, single_port: str | None = None, skip: int = 0, what: str = "component"
) -> Signature:
    """Read a function's annotations.

    Args:
        function: The author's.
        single_port: Port name of a single output; by default its class's name in snake case.
        skip: Leading arguments that are not the caller's (a resolver's history).
        what: For messages.

    Raises:
        DeclarationError: A type is missing, cannot be found, or cannot pass between nodes.
    """
    at = f"{shown_path(function.__code__.co_filename)}:{function.__code__.co_firstlineno}"
    name = function.__name__
    hints = _hints(function, what, at)
    call = inspect.signature(function)
    listed = list(call.parameters.values())[skip:]
    arguments = {p.name: _argument(p, hints, what=what, owner=name, at=at) for p in listed}
    if "return" not in hints:
        raise DeclarationError(
            f"{what} {name} does not say what it returns", at=at, fix="annotate it: `-> Model:` or `-> None:`"
        )
    result, outputs = _outputs(hints["return"], single_port, what=what, owner=name, at=at)
    return Signature(
        name=name,
        at=at,
        call=call.replace(parameters=listed),
        arguments=arguments,
        outputs=outputs,
        result=result,
    )


def snake_case(name: str) -> str:
    """`ExampleStatistics` as `example_statistics`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _hints(function: Callable[..., Any], what: str, at: str) -> dict[str, Hint]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise DeclarationError(
            f"{what} {function.__name__}: its annotations name {error.name}, which is not there at run time",
            at=at,
            fix=f"import {error.name} outside of `if TYPE_CHECKING:`",
        ) from error


def _argument(
    parameter: inspect.Parameter, hints: dict[str, Hint], *, what: str, owner: str, at: str
) -> Argument:
    name = parameter.name
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise DeclarationError(
            f"{what} {owner} takes *{name}",
            at=at,
            fix="name every input; several artifacts are a Sequence[...]",
        )
    if name not in hints:
        raise DeclarationError(
            f"{what} {owner}: {name} has no type",
            at=at,
            fix=f"annotate it: `{name}: Examples` or `{name}: int`",
        )
    artifact = artifact_hint(hints[name])
    default = parameter.default
    if artifact is not None and default is not MISSING and default is not None and default != ():
        raise DeclarationError(
            f"{what} {owner}: {name} is an artifact and has a default",
            at=at,
            fix=f"write `{name}: {artifact.kind.__name__} | None = None`",
        )
    if artifact is None and _mentions_artifact(hints[name]):
        raise DeclarationError(
            f"{what} {owner}: {name} cannot be {describe(hints[name])}",
            at=at,
            fix="an input is A, A | None, Sequence[A] or list[A]",
        )
    plain, _ = without_none(without_annotated(hints[name]))
    return Argument(name=name, hint=hints[name], artifact=artifact, plain=plain, default=default)


def _outputs(
    hint: Hint, single_port: str | None, *, what: str, owner: str, at: str
) -> tuple[Callable[..., Any] | None, tuple[Output, ...]]:
    if hint is type(None):
        return None, ()
    if inspect.isclass(hint) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        fields = typing.get_type_hints(hint, include_extras=True)
        outputs = tuple(_output(port, fields[port], what=what, owner=owner, at=at) for port in hint._fields)
        return hint, outputs
    artifact = artifact_hint(hint)
    port = single_port or (snake_case(artifact.kind.__name__) if artifact else "")
    return None, (_output(port, hint, what=what, owner=owner, at=at),)


def _output(port: str, hint: Hint, *, what: str, owner: str, at: str) -> Output:
    artifact = artifact_hint(hint)
    if artifact is None:
        raise DeclarationError(
            f"{what} {owner} returns {describe(hint)}",
            at=at,
            needs="an artifact, a NamedTuple of artifacts, or None",
            fix="write plain values into an artifact's properties or files",
        )
    return Output(port=port, hint=hint, artifact=artifact)


def _mentions_artifact(hint: Hint) -> bool:
    if origin_of(hint) is type:
        return False
    if inspect.isclass(hint) and not typing.get_args(hint):
        return issubclass(hint, Artifact)
    return any(_mentions_artifact(arg) for arg in typing.get_args(hint))
