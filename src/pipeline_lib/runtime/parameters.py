"""Run parameters: what a person or an orchestrator gave, checked against the plan's JSON schemas."""

import difflib
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import yaml
from fastjsonschema import JsonSchemaValueException
from fastjsonschema import compile as compile_schema

from pipeline_lib.errors import RunParameterError
from pipeline_lib.hashing import why_not_plain
from pipeline_lib.plan.models import Plan, RunParameter
from pipeline_lib.secrets import require_reference


class _Values(yaml.SafeLoader):
    """YAML's safe types; 1e-3 is a number, as in JSON and in YAML 1.2."""


_Values.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def bind(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults filled in, everything checked.

    Args:
        plan: The plan whose parameters are meant.
        given: Plain JSON by name.

    Raises:
        RunParameterError: A name is unknown, a value is missing, or it breaks its schema.
    """
    known = {parameter.name: parameter for parameter in plan.parameters}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise RunParameterError(
                f"{plan.name} has no parameter {name}",
                parameters=", ".join(known) or "none",
                fix=f"did you mean {near[0]}?" if near else "use one of its parameters",
            )
    return {name: _value(plan, parameter, given) for name, parameter in known.items()}


def from_text(plan: Plan, given: Mapping[str, str]) -> dict[str, Any]:
    """Values typed on a command line: YAML, or plain text where the schema wants a string."""
    known = {parameter.name: parameter for parameter in plan.parameters}
    values: dict[str, Any] = {}
    for name, text in given.items():
        parameter = known.get(name)
        values[name] = text if parameter is None or _is_text(parameter) else _yaml(plan, name, text)
    return values


def span_of(plan: Plan, parameters: Mapping[str, Any]) -> str:
    """ISO date of the span that a run with these parameters is of, or ""."""
    return str(parameters[plan.span_parameter]) if plan.span_parameter else ""


def _is_text(parameter: RunParameter) -> bool:
    return "string" in _types(parameter)


def _types(parameter: RunParameter) -> set[str | None]:
    schema = parameter.schema_
    return {option.get("type") for option in schema.get("anyOf", [schema])}


def _yaml(plan: Plan, name: str, text: str) -> Any:
    try:
        return _Values(text).get_single_data()
    except yaml.YAMLError as error:
        raise RunParameterError(
            f"{plan.name}.{name} cannot be read from {text!r}",
            fix="write it as YAML or JSON: 3, true, [a, b], {key: value}",
        ) from error


def _value(plan: Plan, parameter: RunParameter, given: Mapping[str, Any]) -> Any:
    if parameter.name not in given:
        if parameter.required:
            raise RunParameterError(
                f"{plan.name} needs {parameter.name}",
                needs=parameter.schema_.get("format") or parameter.schema_.get("type"),
                fix=f"pass --param {parameter.name}=...",
            )
        return parameter.default
    value = given[parameter.name]
    if parameter.secret:
        return require_reference(value)
    formats = {"date": _is_date, "date-time": _is_moment}
    check = compile_schema(dict(parameter.schema_), formats=formats, use_default=False)
    try:
        check(value)
    except JsonSchemaValueException as error:
        path = "".join(f".{step}" for step in error.path[1:])
        raise RunParameterError(
            f"{plan.name}.{parameter.name}{path} cannot be {error.value!r}",
            needs=_need(error),
            fix="give a value of the declared type and range",
        ) from error
    if fault := why_not_plain(value):
        raise RunParameterError(
            f"{plan.name}.{parameter.name} cannot be {value!r}", needs=fault, fix="give another value"
        )
    if isinstance(value, float) and _types(parameter) <= {"integer", "null"}:  # for JSON Schema 1.0 is one
        raise RunParameterError(
            f"{plan.name}.{parameter.name} cannot be {value!r}",
            needs="integer",
            fix=f"write {value:.0f}",
        )
    return value


def _need(error: JsonSchemaValueException) -> str:
    """What the schema asks for, in the words of a person."""
    if error.rule == "format" and error.rule_definition == "date":
        return "a date, YYYY-MM-DD"
    return str(error.message).removeprefix(str(error.name)).strip().removeprefix("must be ")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text  # not 20260101, nor a week's day
    except ValueError:
        return False


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) > len("2026-01-31")
