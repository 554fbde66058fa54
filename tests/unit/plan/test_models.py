"""Compiled pipelines as values: canonical text, digest, ids."""

import json

import pytest
from pydantic import ValidationError

from pipeline_lib.plan.models import CodeRef, Node, Options, Plan, RunParameter, approval_id

CODE = CodeRef(module="m", qualname="f")


def plan(*ids: str, **changes: object) -> Plan:
    return Plan(name="p", code=CODE, nodes=tuple(Node(id=name, code=CODE) for name in ids), **changes)


def test_equal_plans_give_equal_bytes_and_others_do_not() -> None:
    assert plan("a", "b").to_text() == plan("a", "b").to_text()
    assert plan("a", "b").digest == plan("a", "b").digest
    assert plan("a", "b").digest != plan("b", "a").digest
    retried = Node(id="a", code=CODE, options=Options(retries=1))
    assert Plan(name="p", code=CODE, nodes=(retried,)).digest != plan("a").digest


def test_defaults_are_left_out_and_the_schema_version_is_not() -> None:
    assert json.loads(plan("a").to_text()) == {
        "schema_version": 1,
        "name": "p",
        "code": {"module": "m", "qualname": "f"},
        "nodes": [{"id": "a", "code": {"module": "m", "qualname": "f"}}],
    }


def test_a_parameters_schema_keeps_its_name() -> None:
    parameter = RunParameter(name="n", schema={"type": "integer"}, default=3)
    text = plan("a", parameters=(parameter,)).to_text()
    assert json.loads(text)["parameters"] == [{"name": "n", "schema": {"type": "integer"}, "default": 3}]
    assert Plan.model_validate_json(text).parameters == (parameter,)


@pytest.mark.parametrize(
    ("ids", "match"),
    [
        pytest.param(("a", "a"), "node id used twice: a", id="twice"),
        pytest.param(("a/b",), "cannot be a folder's name: 'a/b'", id="slash"),
        pytest.param(("..",), "cannot be a folder's name", id="parent"),
        pytest.param(("",), "cannot be a folder's name", id="empty"),
    ],
)
def test_ids_name_folders_and_are_unique(ids: tuple[str, ...], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        plan(*ids)


def test_nodes_are_found_by_id() -> None:
    assert plan("a", "b").node("b").id == "b"
    with pytest.raises(KeyError, match="c"):
        plan("a").node("c")
    assert approval_id("push") == "approve.push"
    assert str(CODE) == "m:f"
