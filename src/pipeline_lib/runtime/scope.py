"""Evaluating a plan's expressions against what a run has produced so far."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any, Protocol

from pipeline_lib.errors import UnresolvedValueError
from pipeline_lib.metadata.records import StoredArtifact
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan.models import Node, Plan
from pipeline_lib.runtime.results import NodeResult

Value = Any  # plain JSON, a StoredArtifact, a list of either, or None


class Results(Protocol):
    """What nodes have put out so far."""

    def get(self, node: str, iteration: tuple[int, ...]) -> NodeResult | None:
        """The result of one node (one iteration), or None if it has not ended."""

    def iterations(self, node: str, prefix: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The iterations of a looped node inside those of the outer loops, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the names in a node's expressions mean.

    Attributes:
        parameters: Run parameters, plain JSON.
        items: Current item of each loop around the node, by loop id.
        iteration: Index in each of these loops, outermost first.
    """

    plan: Plan
    parameters: Mapping[str, Any]
    results: Results
    items: Mapping[str, Value] = field(default_factory=dict)
    iteration: tuple[int, ...] = ()

    def evaluate(self, expression: ex.Expression) -> Value:
        """The value of an expression.

        Raises:
            UnresolvedValueError: It reads what does not exist: a skipped node's property, a missing key.
        """
        return _evaluate(expression, self)


def loop_scopes(node: Node, scope: Scope) -> list[Scope]:
    """One scope per iteration of the loops around a node; the scope itself if there are none."""
    scopes = [scope]
    by_id = {loop.id: loop for loop in scope.plan.loops}
    for loop_id in node.loops:
        scopes = [
            replace(
                outer,
                items={**outer.items, loop_id: item},
                iteration=(*outer.iteration, index),
            )
            for outer in scopes
            for index, item in enumerate(outer.evaluate(by_id[loop_id].over) or ())
        ]
    return scopes


@singledispatch
def _evaluate(expression: Any, scope: Scope) -> Value:
    raise TypeError(f"no such expression: {expression!r} in {scope.plan.name}")


@_evaluate.register
def _(expression: ex.Constant, scope: Scope) -> Value:
    del scope
    return expression.value


@_evaluate.register
def _(expression: ex.FromParameter, scope: Scope) -> Value:
    return _walk(scope.parameters[expression.name], expression.path, what=expression.name)


@_evaluate.register
def _(expression: ex.FromItem, scope: Scope) -> Value:
    return _walk(scope.items[expression.loop], expression.path, what=expression.loop)


@_evaluate.register
def _(expression: ex.FromOutput, scope: Scope) -> Value:
    producer = scope.plan.node(expression.node)
    result = scope.results.get(producer.id, scope.iteration[: len(producer.loops)])
    if result is None or not result.outcome.has_outputs:
        return None
    found = list(result.outputs.get(expression.port, ()))
    if producer.outputs[expression.port].many:
        return _walk(found, expression.path, what=f"{producer.id}.{expression.port}")
    return found[0] if found else None


@_evaluate.register
def _(expression: ex.FromGather, scope: Scope) -> Value:
    producer = scope.plan.node(expression.node)
    shared = min(len(scope.iteration), len(producer.loops))
    gathered: list[StoredArtifact] = []
    for iteration in scope.results.iterations(producer.id, scope.iteration[:shared]):
        result = scope.results.get(producer.id, iteration)
        if result is not None and result.outcome.has_outputs:
            gathered.extend(result.outputs.get(expression.port, ()))
    return gathered


@_evaluate.register
def _(expression: ex.FromProperty, scope: Scope) -> Value:
    artifact = scope.evaluate(expression.artifact)
    if not isinstance(artifact, StoredArtifact):
        raise UnresolvedValueError(
            f"{expression.name} was asked of an artifact that does not exist in this run",
            fix="guard it: `when(exists(x) & (required(x).property > ...))`",
        )
    if expression.name not in artifact.properties and not expression.optional:
        raise UnresolvedValueError(
            f"{artifact.type_name} {artifact.id} has no value for {expression.name}",
            at=artifact.uri,
            fix="let its component set the property, or give it a default",
        )
    return _walk(artifact.properties.get(expression.name), expression.path, what=expression.name)


@_evaluate.register
def _(expression: ex.ListOf, scope: Scope) -> Value:
    values: list[Value] = []
    for item in expression.items:
        value = scope.evaluate(item)
        if isinstance(item, ex.FromGather):
            values.extend(value)
        else:
            values.append(value)
    return values


@_evaluate.register
def _(expression: ex.Struct, scope: Scope) -> Value:
    return {name: scope.evaluate(part) for name, part in expression.fields.items()}


@_evaluate.register
def _(expression: ex.Either, scope: Scope) -> Value:
    for choice in expression.choices:
        value = scope.evaluate(choice)
        if value is not None:
            return value
    return None


@_evaluate.register
def _(expression: ex.Exists, scope: Scope) -> Value:
    return scope.evaluate(expression.operand) is not None


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@_evaluate.register
def _(expression: ex.Compare, scope: Scope) -> Value:
    left, right = scope.evaluate(expression.left), scope.evaluate(expression.right)
    try:
        return _COMPARE[expression.op](left, right)
    except TypeError as error:
        raise UnresolvedValueError(
            f"{left!r} {expression.op} {right!r} cannot be compared",
            fix="compare values of one type; guard an absent one with `exists(...)`",
        ) from error


@_evaluate.register
def _(expression: ex.AllOf, scope: Scope) -> Value:
    return all(scope.evaluate(operand) for operand in expression.operands)


@_evaluate.register
def _(expression: ex.AnyOf, scope: Scope) -> Value:
    return any(scope.evaluate(operand) for operand in expression.operands)


@_evaluate.register
def _(expression: ex.Not, scope: Scope) -> Value:
    return not scope.evaluate(expression.operand)


def _walk(value: Value, path: tuple[ex.Step, ...], *, what: str) -> Value:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError) as error:
            raise UnresolvedValueError(
                f"{what} has no part {step!r}",
                got=value,
                fix="check the value given for the parameter, or the property's content",
            ) from error
    return value
