from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_metadata.proto import metadata_store_pb2 as pb

from pipeline_lib.metadata.mlmd_values import equals, get_fact, get_properties, put_fact, put_properties

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text("json:[]{}\"\\'"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,8}", fullmatch=True)


def exactly(value: Any) -> Any:
    """Tells 1, 1.0 and True apart."""
    if isinstance(value, list):
        return [exactly(item) for item in value]
    if isinstance(value, dict):
        return {name: exactly(item) for name, item in value.items()}
    return type(value).__name__, value


@given(JSON)
def test_a_fact_survives(fact: Any) -> None:
    message = pb.Execution()
    put_fact(message.custom_properties, "fact", fact)
    sent = pb.Execution.FromString(message.SerializeToString())
    assert exactly(get_fact(sent.custom_properties["fact"])) == exactly(fact)


@given(st.dictionaries(NAMES, JSON, max_size=5), st.sets(NAMES))
def test_properties_survive_but_for_none(values: dict[str, Any], declared: set[str]) -> None:
    message = pb.Artifact()
    put_properties(message, values, kinds={}, declared=declared)
    found = get_properties(message, kinds={}, hidden={})
    assert exactly(found) == exactly({name: value for name, value in values.items() if value is not None})


@pytest.mark.parametrize(
    ("value", "field", "stored"),
    [
        (3, "int_value", 3),
        (True, "int_value", 1),
        (0.5, "double_value", 0.5),
        ("text", "string_value", "text"),
        (["train", "eval"], "string_value", '["train","eval"]'),
    ],
)
def test_other_tools_see_the_nearest_value(value: Any, field: str, stored: Any) -> None:
    message = pb.Artifact()
    put_properties(message, {"name": value}, kinds={}, declared={"name"})
    for properties in (message.custom_properties, message.properties):
        assert getattr(properties["name"], field) == stored


def test_a_whole_number_for_a_float_is_stored_as_one() -> None:
    message = pb.Artifact()
    put_properties(message, {"accuracy": 1}, kinds={"accuracy": "float"}, declared=())
    assert message.custom_properties["accuracy"].WhichOneof("value") == "double_value"
    assert equals("accuracy", 1, kind="float") == "custom_properties.accuracy.double_value = 1.0"


def test_a_foreign_artifact_is_read_by_the_registered_kinds() -> None:
    message = pb.Artifact()
    message.properties["split_names"].string_value = '["train"]'
    message.custom_properties["blessed"].int_value = 1
    found = get_properties(message, kinds={"split_names": "json", "blessed": "bool"}, hidden={})
    assert exactly(found) == exactly({"split_names": ["train"], "blessed": True})


def test_a_foreign_artifact_may_hold_structs_and_bools() -> None:
    message = pb.Artifact()
    message.custom_properties["value"].struct_value.update({"a": [1.5]})
    message.custom_properties["flag"].bool_value = True
    assert get_properties(message, kinds={}, hidden={}) == {"value": {"a": [1.5]}, "flag": True}


@pytest.mark.parametrize(
    ("name", "value"), [("a b", 1), ("a' OR '1'='1", 1), ("", 1), ("é", 1), ("name", None)]
)
def test_only_names_and_values_get_into_a_filter(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="cannot filter by"):
        equals(name, value)
