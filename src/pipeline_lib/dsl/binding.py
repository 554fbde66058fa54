"""A call's arguments against the declaration: which goes into which port or parameter, and if it fits."""

import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from pipeline_lib.artifacts.artifact import Artifact
from pipeline_lib.dsl.arguments import artifact_arm, declared_artifact, kind_arm, match_arguments
from pipeline_lib.dsl.availability import Availability, availability
from pipeline_lib.dsl.hints import (
    ArtifactHint,
    Hint,
    artifact_hint,
    describe,
    substitute,
    without_bound,
)
from pipeline_lib.dsl.places import Place
from pipeline_lib.dsl.proxy import Proxy, Ref, ref_of
from pipeline_lib.dsl.recording import Recorder
from pipeline_lib.dsl.signature import Argument, Signature
from pipeline_lib.dsl.values import NoJsonFormError, NotFittingError, expression_of
from pipeline_lib.errors import (
    ConditionalUseError,
    DeclarationError,
    ParameterTypeError,
    RecordedValueError,
    WireTypeError,
)
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan.models import InputPort


@dataclass(slots=True, kw_only=True)
class Binding:
    """One call, bound.

    Attributes:
        solved: What a resolver's TypeVars stand for in this call.
        given: Values as passed, and how: by keyword (None) or at which position.
    """

    signature: Signature
    node: str
    recorder: Recorder
    place: Place
    in_exit_handler: bool = False
    inputs: dict[str, InputPort] = field(default_factory=dict)
    parameters: dict[str, ex.Expression] = field(default_factory=dict)
    solved: dict[Any, Hint] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Fill `inputs` and `parameters`.

        Raises:
            ArgumentError: An argument is unknown, missing, or given twice.
            WireTypeError: An artifact of another type, or none, where one is needed.
            ParameterTypeError: A value of another type.
            ConditionalUseError: It may not exist here.
        """
        given = match_arguments(self.signature, args, kwargs, owner=self.node, place=self.place)
        self.positions = dict(zip(self.signature.arguments, range(len(args)), strict=False))
        for name, argument in self.signature.arguments.items():
            value = given.get(name, argument.default)
            if _is_artifact(argument, value):
                self._bind_artifact(argument, value)
            else:
                self._bind_parameter(argument, value)

    def at(self, name: str) -> str:
        """Where one of the arguments was written."""
        return self.place.of_argument(name, self.positions.get(name))

    def _bind_artifact(self, argument: Argument, value: Any) -> None:
        expected = self._expected(argument)
        if value is None and not (expected.optional or argument.default is None):
            self._wrong_wire(argument, expected, "None", fix=f"pass {expected}")
        if value is None or (isinstance(value, tuple) and not value and expected.many):
            return
        if isinstance(value, list | tuple):
            source = self._listed(argument, expected, value)
        else:
            source = self._single(argument, expected, value)
        exact = self._expected(argument).kind  # a type variable is solved by now
        type_name = self.recorder.register(exact, self.place)
        self.inputs[argument.name] = InputPort(
            source=source, artifact_type=type_name, optional=expected.optional, many=expected.many
        )

    def _expected(self, argument: Argument) -> ArtifactHint:
        if argument.artifact and not self.solved:
            return argument.artifact
        arm = argument.hint if argument.artifact else artifact_arm(argument.hint)
        return declared_artifact(substitute(arm, self.solved))

    def _single(self, argument: Argument, expected: ArtifactHint, value: Any) -> ex.Expression:
        ref = self._artifact(argument, expected, value)
        actual = _declared(ref)
        same_shape = actual.many == expected.many and (expected.optional or not actual.optional)
        if not (issubclass(actual.kind, expected.kind) and same_shape):
            self._wrong_wire(argument, expected, str(actual), ref=ref)
        self._solve(argument, actual.kind)
        seen = availability(ref, self.recorder)
        may_be_none = expected.optional and not actual.many
        if seen.loop is not None or (seen.condition is not None and not may_be_none):
            self._conditional(argument, ref, seen)
        self._check_exit_handler(argument, expected, ref)
        return ref.value

    def _listed(self, argument: Argument, expected: ArtifactHint, values: Sequence[Any]) -> ex.Expression:
        if not expected.many:
            if hasattr(values, "_fields"):
                fix = _field_to_pass(values, expected)
                self._wrong_wire(argument, expected, type(values).__name__, fix=fix)
            self._wrong_wire(
                argument, expected, "a list", fix="pass one artifact, or declare a Sequence[...]"
            )
        items = []
        for value in values:
            ref = self._artifact(argument, expected, value)
            actual = _declared(ref)
            seen = availability(ref, self.recorder)
            if not issubclass(actual.kind, expected.kind) or actual.optional:
                self._wrong_wire(argument, expected, f"a list with {actual}", ref=ref)
            if seen.condition is not None or (actual.many and seen.loop is None):
                self._conditional(argument, ref, seen)
            self._solve(argument, actual.kind)
            self._check_exit_handler(argument, expected, ref)
            items.append(self._gathered(argument, ref) if seen.loop else ref.value)
        if len(items) == 1 and isinstance(items[0], ex.FromGather):
            return items[0]
        return ex.ListOf(items=tuple(items))

    def _gathered(self, argument: Argument, ref: Ref) -> ex.Expression:
        match ref.expression:
            case ex.FromOutput(node=node, port=port, path=()):
                return ex.FromGather(node=node, port=port)
        raise ConditionalUseError(
            f"{self.node}.{argument.name}: {ref.text} cannot be gathered from a loop",
            at=self.at(argument.name),
            fix="gather what a component of the loop puts out",
        )

    def _artifact(self, argument: Argument, expected: ArtifactHint, value: Any) -> Ref:
        if isinstance(value, Proxy) and artifact_hint(ref_of(value).hint) is not None:
            return ref_of(value)
        got, fix = repr(value), "pass the output of a component or resolver"
        if hasattr(value, "_fields"):
            got, fix = type(value).__name__, _field_to_pass(value, expected)
        elif isinstance(value, Proxy):
            got, fix = f"{ref_of(value).text}, {describe(ref_of(value).hint)}", "pass an artifact"
        elif isinstance(value, Artifact):
            fix = "bring existing files in with importer(...)"
        return self._wrong_wire(argument, expected, got, fix=fix)

    def _bind_parameter(self, argument: Argument, value: Any) -> None:
        if isinstance(value, type) and issubclass(value, Artifact):
            self._bind_kind(argument, value)
            return
        try:
            self.parameters[argument.name] = expression_of(
                value, argument.hint, lambda proxy: self._read(argument, proxy)
            )
        except NotFittingError as error:
            raise ParameterTypeError(
                f"{self.node}.{argument.name} cannot be {value!r}",
                needs=describe(argument.hint),
                got=error.got,
                at=self.at(argument.name),
                fix=error.detail or f"pass a value of type {describe(argument.hint)}",
            ) from error
        except NoJsonFormError as error:
            raise DeclarationError(
                f"{self.signature.name}: {argument.name} cannot be a parameter",
                got=describe(argument.hint),
                at=self.signature.at,
                fix="use int, float, str, bool, date, enums, lists, dicts, dataclasses or pydantic models",
            ) from error

    def _bind_kind(self, argument: Argument, kind: type[Artifact]) -> None:
        arm = kind_arm(argument.hint)
        bound = without_bound(arm)
        if not (isinstance(bound, type) and issubclass(kind, bound)):
            raise ParameterTypeError(
                f"{self.node}.{argument.name} cannot be the class {kind.__name__}",
                needs=describe(argument.hint),
                at=self.at(argument.name),
                fix="pass a subclass of it" if isinstance(bound, type) else "pass a value",
            )
        if isinstance(arm, TypeVar):
            self.solved[arm] = kind
        self.recorder.register(kind, self.place)
        self.parameters[argument.name] = ex.Constant(value=f"{kind.__module__}:{kind.__qualname__}")

    def _read(self, argument: Argument, proxy: Proxy) -> ex.Expression:
        ref = ref_of(proxy)
        seen = availability(ref, self.recorder)
        if seen.condition is not None or seen.loop is not None:
            self._conditional(argument, ref, seen)
        if ref.node is not None and ref.exit_handler != self.in_exit_handler:
            self._raise_exit_handler(argument, ref)
        if ref.expression is None:
            raise RecordedValueError(
                f"{self.node}.{argument.name}: {ref.text} has no value",
                at=self.at(argument.name),
                fix="name it in after=",
            )
        return ref.expression

    def _solve(self, argument: Argument, kind: type[Artifact]) -> None:
        for arm in (argument.hint, *typing.get_args(argument.hint)):
            if isinstance(arm, TypeVar):
                self.solved.setdefault(arm, kind)

    def _check_exit_handler(self, argument: Argument, expected: ArtifactHint, ref: Ref) -> None:
        may_be_none = expected.optional or expected.many
        reads_ordinary = self.in_exit_handler and not ref.exit_handler and ref.node is not None
        if (reads_ordinary and not may_be_none) or (ref.exit_handler and not self.in_exit_handler):
            self._raise_exit_handler(argument, ref)

    def _raise_exit_handler(self, argument: Argument, ref: Ref) -> NoReturn:
        name = f"{self.node}.{argument.name}"
        if ref.exit_handler:
            raise ConditionalUseError(
                f"{name} reads an exit handler's {ref.text}",
                at=self.at(argument.name),
                fix="exit handlers run last: only another one can read what they put out",
            )
        kind = argument.artifact.kind.__name__ if argument.artifact else "the artifact's class"
        raise ConditionalUseError(
            f"{name}: an exit handler runs even if {ref.node} failed",
            at=self.at(argument.name),
            fix=f"take the artifact as an input of type {kind} | None, and look at it in the body",
        )

    def _conditional(self, argument: Argument, ref: Ref, seen: Availability) -> NoReturn:
        name = f"{self.node}.{argument.name}"
        if seen.loop is not None and seen.condition is None:
            raise ConditionalUseError(
                f"{name}: there is one {ref.text} per item of a loop",
                when=seen.loop,
                at=self.at(argument.name),
                fix="collect them: `[... for x in for_each(...)]`, into a Sequence input",
            )
        if seen.condition is None:
            raise WireTypeError(
                f"{name}: a list cannot hold the list {ref.text}",
                at=self.at(argument.name),
                fix=f"pass {ref.text} itself",
            )
        declare = ""
        if argument.artifact and not argument.artifact.many:
            declare = f", or declare {argument.name}: {argument.artifact.kind.__name__} | None"
        raise ConditionalUseError(
            f"{name}: {ref.text} exists only under a condition",
            when=seen.condition.place,
            at=self.at(argument.name),
            fix=f"call {self.signature.name} inside that block, or merge with either(a, b){declare}",
        )

    def _wrong_wire(
        self, argument: Argument, expected: ArtifactHint, got: str, *, ref: Ref | None = None, fix: str = ""
    ) -> NoReturn:
        port = f"{self.node}.{argument.name}"
        raise WireTypeError(
            f"{port} cannot read {ref.text}" if ref else f"{port} cannot read {got}",
            needs=expected,
            got=got,
            at=self.at(argument.name),
            fix=fix or self._suggestion(expected, ref),
        )

    def _suggestion(self, expected: ArtifactHint, ref: Ref | None) -> str:
        actual = artifact_hint(ref.hint) if ref else None
        if ref and actual and actual.optional and issubclass(actual.kind, expected.kind):
            return (
                f"pass required(x) inside `with when(exists(x)):`, or declare {expected.kind.__name__} | None"
            )
        if ref and actual and issubclass(actual.kind, expected.kind) and expected.many:
            return f"pass a list: [{ref.text}]"
        if ref and actual and issubclass(actual.kind, expected.kind) and actual.many:
            return f"pass one of them, {ref.text}[0], or loop with for_each({ref.text})"
        # What a component puts out before what a resolver finds again: more often that was meant.
        newest_first = [*reversed(self.recorder.nodes.values())]
        for node in sorted(newest_first, key=lambda node: node.kind == "resolver"):
            for port, output in node.outputs.items():
                if output.artifact_type == expected.kind.type_name and output.many == expected.many:
                    return f"pass {node.id}.{port}"
        return f"pass {expected}"


def _declared(ref: Ref) -> ArtifactHint:
    return declared_artifact(ref.hint)


def _is_artifact(argument: Argument, value: Any) -> bool:
    if argument.artifact is not None:
        return True
    is_proxy = isinstance(value, Proxy) and artifact_hint(ref_of(value).hint) is not None
    return is_proxy and artifact_hint(artifact_arm(argument.hint)) is not None


def _field_to_pass(value: Any, expected: ArtifactHint) -> str:
    for part in value:
        actual = artifact_hint(ref_of(part).hint) if isinstance(part, Proxy) else None
        if actual and issubclass(actual.kind, expected.kind) and actual.many == expected.many:
            return f"pass {ref_of(part).text}"
    return "pass one of its fields"
