"""Calling an author's function with real artifacts and values, and checking what it returns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.artifacts.properties import from_json as properties_from_json
from pipeline_lib.dsl.arguments import artifact_arm, declared_artifact, kind_arm, match_arguments
from pipeline_lib.dsl.hints import ArtifactHint, describe
from pipeline_lib.dsl.places import user_place
from pipeline_lib.dsl.signature import Argument, Output, Signature
from pipeline_lib.dsl.values import NotFittingError, constant, from_json
from pipeline_lib.errors import (
    ExecutionInputError,
    ParameterTypeError,
    ResultError,
    WireTypeError,
)

Records = Mapping[str, Sequence[Any]]


def run_here(
    function: Callable[..., Any],
    signature: Signature,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    *,
    first: tuple[Any, ...] = (),
) -> Any:
    """Call the function as a test does.

    Args:
        function: The author's.
        signature: What it declares.
        args: As given by position.
        kwargs: As given by name.
        first: Arguments before the caller's (a resolver's history).

    Raises:
        ArgumentError, WireTypeError, ParameterTypeError: An argument does not fit.
        ResultError: Nor does the result.
    """
    place = user_place()
    given = match_arguments(signature, args, kwargs, owner=signature.name, place=place)
    positions = dict(zip(signature.arguments, range(len(args)), strict=False))
    for name, value in given.items():
        _check_given(
            signature, signature.arguments[name], value, at=place.of_argument(name, positions.get(name))
        )
    bound = signature.call.bind(*args, **kwargs)
    result = function(*first, *bound.args, **bound.kwargs)
    outputs_by_port(signature, result, complete=not first)
    if signature.outputs:
        return result
    from pipeline_lib.dsl.done import Done

    return Done()


def call_with_records(
    function: Callable[..., Any],
    signature: Signature,
    inputs: Records,
    parameters: Mapping[str, Any],
    *,
    first: tuple[Any, ...] = (),
) -> Any:
    """Call the function with what a launcher resolved.

    Raises:
        ExecutionInputError: An input or parameter is missing, unknown or of another type.
    """
    for name in (*inputs, *parameters):
        if name not in signature.arguments:
            raise ExecutionInputError(
                f"{signature.name} has no argument {name}",
                at=signature.at,
                fix="compile the pipeline again: the component was changed since",
            )
    values: dict[str, Any] = {}
    for name, argument in signature.arguments.items():
        if name in parameters:
            values[name] = _parameter(signature, argument, parameters[name])
        elif name in inputs or argument.artifact is not None:
            found = _input(signature, argument, inputs.get(name, ()))
            values[name] = found
        elif argument.needed:
            raise ExecutionInputError(
                f"{signature.name} was not given {name}",
                at=signature.at,
                fix="compile the pipeline again: the component was changed since",
            )
    bound = signature.call.bind_partial()
    bound.arguments = {name: values[name] for name in signature.arguments if name in values}
    return function(*first, *bound.args, **bound.kwargs)


def outputs_by_port(
    signature: Signature, result: Any, *, complete: bool = True
) -> dict[str, tuple[Artifact, ...]]:
    """What a function returned, as artifacts by port.

    Args:
        signature: What it declares.
        result: What it returned.
        complete: Whether every property must be set, as in new outputs.

    Raises:
        ResultError: It is not what the function declares.
        UnsetPropertyError: A property of an artifact was never set.
    """
    if not signature.outputs:
        if result is not None:
            _raise_result(signature, "None", result)
        return {}
    if signature.result is None:
        return {signature.outputs[0].port: _artifacts(signature, signature.outputs[0], result, complete)}
    if not isinstance(signature.result, type) or not isinstance(result, signature.result):
        _raise_result(signature, getattr(signature.result, "__name__", "its NamedTuple"), result)
    return {
        output.port: _artifacts(signature, output, getattr(result, output.port), complete)
        for output in signature.outputs
    }


def _artifacts(signature: Signature, output: Output, value: Any, complete: bool) -> tuple[Artifact, ...]:
    expected = output.artifact
    if value is None and expected.optional:
        return ()
    values = tuple(value) if expected.many and isinstance(value, list | tuple) else (value,)
    for one in values:
        if not isinstance(one, expected.kind):
            _raise_result(signature, f"{expected} as {output.port}", value)
        if complete:
            one.require_complete()
    return values


def _raise_result(signature: Signature, needs: str, result: Any) -> None:
    raise ResultError(
        f"{signature.name} returned {type(result).__name__}",
        needs=needs,
        got=repr(result)[:200],
        at=signature.at,
        fix="return what the annotation says",
    )


def _check_given(signature: Signature, argument: Argument, value: Any, *, at: str) -> None:
    expected = argument.artifact
    if isinstance(value, type) or (expected is None and isinstance(value, Artifact)):
        return  # `type[A]`, and `A | type[A]`: checkers know them
    if expected is not None:
        values = value if expected.many and isinstance(value, list | tuple) else (value,)
        allowed = value is None and (expected.optional or argument.default is None)
        if not allowed and not all(isinstance(one, expected.kind) for one in values):
            raise WireTypeError(
                f"{signature.name}.{argument.name} cannot read {value!r}",
                needs=expected,
                got=type(value).__name__,
                at=at,
                fix=f"pass {expected}; {expected.kind.__name__}.at(path) refers to existing files",
            )
        return
    try:
        constant(value, argument.hint)
    except NotFittingError as error:
        raise ParameterTypeError(
            f"{signature.name}.{argument.name} cannot be {value!r}",
            needs=describe(argument.hint),
            got=error.got,
            at=at,
            fix=error.detail,
        ) from error


def _parameter(signature: Signature, argument: Argument, value: Any) -> Any:
    if isinstance(value, str) and kind_arm(argument.hint) is not None:
        return _load_class(value)
    try:
        return from_json(value, argument.hint)
    except NotFittingError as error:
        raise ExecutionInputError(
            f"{signature.name}.{argument.name} cannot be {value!r}",
            needs=describe(argument.hint),
            got=error.got,
            at=signature.at,
            fix=error.detail,
        ) from error


def _load_class(name: str) -> type[Artifact]:
    import importlib

    module, _, qualname = name.partition(":")
    kind: type[Artifact] = getattr(importlib.import_module(module), qualname)
    return kind


def _input(signature: Signature, argument: Argument, records: Sequence[Any]) -> Any:
    expected = argument.artifact or declared_artifact(artifact_arm(argument.hint))
    found = [artifact_from_record(expected.kind, record) for record in records]
    if expected.many:
        return found
    if len(found) == 1:
        return found[0]
    if not found and (expected.optional or argument.default is None):
        return None
    raise ExecutionInputError(
        f"{signature.name}.{argument.name} was given {len(found)} artifacts",
        needs=_needs(expected),
        at=signature.at,
        fix="look at the node that makes it: it was skipped, or found nothing"
        if not found
        else "declare a Sequence[...] to take several",
    )


def _needs(expected: ArtifactHint) -> str:
    return f"{expected}" if expected.optional else f"one {expected}"


def artifact_from_record(kind: type[Artifact], record: Any) -> Artifact:
    """An artifact from a record with `id`, `uri`, `digest`, `properties` in plain JSON, `artifact_class`.

    Properties that the class does not have (any more) are left out.
    """
    exact = getattr(record, "artifact_class", "")
    if exact:
        kind = _load_class(exact)
    values = properties_from_json(kind.property_specs(), record.properties)
    return kind.at(record.uri, digest=record.digest, id=record.id, **values)
