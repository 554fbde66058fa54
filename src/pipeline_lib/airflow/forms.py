"""Run parameters as Airflow's typed form: a `Param` with JSON schema for each."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from pipeline_lib.plan.models import Plan, RunParameter

# Airflow has no validator for date-time, and takes any text.
_DATE_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$"


def form(plan: Plan) -> dict[str, Param]:
    """A field per run parameter. The day of a scheduled pipeline may stay empty: the interval's."""
    return {parameter.name: _param(plan, parameter) for parameter in plan.parameters}


def _param(plan: Plan, parameter: RunParameter) -> Param:
    schema = _field_schema(parameter.schema_)
    description = parameter.description
    if parameter.name == plan.span_parameter and (plan.schedule or plan.triggers):
        source = "interval" if plan.schedule else "artifacts"
        description = f"{description} Empty: the day of the run's {source}.".strip()
        default = None if parameter.required else parameter.default
        return Param(default, description=description, schema=_nullable(schema))
    if parameter.required:
        return Param(description=description, schema=schema)
    return Param(parameter.default, description=description, schema=schema)


def _field_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as Airflow's form understands it: no reference or choice at the top where none is needed."""
    field = {name: value for name, value in schema.items() if name != "default"}
    reference = field.get("$ref", "")
    if reference.startswith("#/$defs/"):
        definition = field["$defs"][reference.removeprefix("#/$defs/")]
        field = {**definition, **{k: v for k, v in field.items() if k != "$ref"}}
        if not _mentions_reference({k: v for k, v in field.items() if k != "$defs"}):
            field.pop("$defs", None)
    choices = field.get("anyOf", [])
    plain = [choice for choice in choices if choice != {"type": "null"}]
    if len(plain) == 1 and len(choices) == 2 and isinstance(plain[0].get("type"), str):
        rest = {name: value for name, value in field.items() if name != "anyOf"}
        field = {**rest, **_nullable(plain[0])}
    if field.get("format") == "date-time":
        field.setdefault("pattern", _DATE_TIME)
    return field


def _nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "type" not in schema:
        return {"anyOf": [dict(schema), {"type": "null"}]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    field = {**schema, "type": ["null", *(kind for kind in kinds if kind != "null")]}
    if "enum" in schema and None not in schema["enum"]:
        field["enum"] = [*schema["enum"], None]
    return field


def _mentions_reference(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "$ref" in value or any(map(_mentions_reference, value.values()))
    return isinstance(value, list) and any(map(_mentions_reference, value))
