"""A call's arguments by name, as Python would bind them, and what their annotations allow."""

import difflib
import typing
from collections.abc import Sequence
from typing import Any

from pipeline_lib.dsl.hints import ArtifactHint, Hint, artifact_hint, describe, origin_of
from pipeline_lib.dsl.places import Place
from pipeline_lib.dsl.signature import Signature
from pipeline_lib.errors import ArgumentError


def match_arguments(
    signature: Signature, args: Sequence[Any], kwargs: dict[str, Any], *, owner: str, place: Place
) -> dict[str, Any]:
    """Arguments by name, as Python would bind them.

    Raises:
        ArgumentError: An argument is unknown, missing, given twice, or one too many.
    """
    for name in kwargs:
        if name not in signature.arguments:
            near = difflib.get_close_matches(name, signature.arguments, n=1)
            raise ArgumentError(
                f"{owner} has no argument {name}",
                at=place.of_argument(name),
                fix=f"did you mean {near[0]}?"
                if near
                else f"it takes {', '.join(signature.arguments) or 'none'}",
            )
    try:
        return dict(signature.call.bind(*args, **kwargs).arguments)
    except TypeError as error:
        missing = [
            f"{name}: {describe(argument.hint)}"
            for name, argument in list(signature.arguments.items())[len(args) :]
            if argument.needed and name not in kwargs
        ]
        raise ArgumentError(
            f"{owner}: {error}",
            at=str(place),
            missing=", ".join(missing) or None,
            fix=f"it is {signature.name}{_text(signature)}",
        ) from error


def _text(signature: Signature) -> str:
    return f"({', '.join(signature.arguments)})"


def declared_artifact(hint: Hint) -> ArtifactHint:
    """What a hint that is known to be an artifact's says."""
    found = artifact_hint(hint)
    if found is None:
        raise TypeError(f"no artifact: {hint}")
    return found


def artifact_arm(hint: Hint) -> Hint:
    """`A` of `A | type[A]`: a resolver may take either."""
    return next((arm for arm in typing.get_args(hint) if artifact_hint(arm) is not None), None)


def kind_arm(hint: Hint) -> Hint:
    """`A` of `type[A]`, also inside a union."""
    for arm in (hint, *typing.get_args(hint)):
        if origin_of(arm) is type:
            return typing.get_args(arm)[0]
    return None
