"""Run parameters as Airflow's form."""

from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError

from pipeline_lib.airflow.forms import form
from pipeline_lib.plan.models import CodeRef, Plan, RunParameter

DAY = {"type": "string", "format": "date"}


def field(schema: dict[str, Any], *, schedule: str | None = None, **more: Any) -> Any:
    parameter = RunParameter(name="day", schema=schema, **more)
    plan = Plan(
        name="p",
        code=CodeRef(module="m", qualname="p"),
        schedule=schedule,
        span_parameter="day" if schema == DAY else None,
        parameters=(parameter,),
        nodes=(),
    )
    return form(plan)["day"]


def test_the_day_of_a_scheduled_pipeline_may_stay_empty() -> None:
    param = field(DAY, schedule="@daily", required=True, description="The day.")
    assert param.resolve() is None
    assert param.schema == {"type": ["null", "string"], "format": "date"}
    assert param.description == "The day. Empty: the day of the run's interval."


def test_without_a_schedule_the_day_is_required() -> None:
    param = field(DAY, required=True)
    with pytest.raises(ParamValidationError, match="No value passed"):
        param.resolve()


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        pytest.param({"type": "integer", "minimum": 1}, 3, 0, id="range"),
        pytest.param({"type": "integer"}, 3, "3", id="type"),
        pytest.param(DAY, "2026-02-28", "2026-02-30", id="date"),
        pytest.param({"type": "string", "format": "date-time"}, "2026-02-28T03:00:00Z", "x", id="date-time"),
        pytest.param({"$ref": "#/$defs/E", "$defs": {"E": {"enum": ["a", "b"]}}}, "a", "c", id="enum"),
        pytest.param({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None, "x", id="optional"),
        pytest.param(
            {"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "required": ["lr"]}}},
            {"lr": 0.1},
            {},
            id="dataclass",
        ),
    ],
)
def test_a_value_is_checked_against_its_schema(schema: dict[str, Any], good: Any, bad: Any) -> None:
    param = field(schema, default=good)
    assert param.resolve(good) == good
    with pytest.raises(ParamValidationError):
        param.resolve(bad)


def test_an_optional_number_keeps_its_widget() -> None:
    schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "title": "Window"}
    assert field(schema, default=None).schema == {
        "title": "Window",
        "type": ["null", "integer"],
        "minimum": 1,
    }


def test_an_enum_is_a_list_to_choose_from() -> None:
    schema = {"$ref": "#/$defs/E", "$defs": {"E": {"enum": ["a", "b"], "type": "string"}}, "default": "a"}
    assert field(schema, default="a").schema == {"enum": ["a", "b"], "type": "string"}
