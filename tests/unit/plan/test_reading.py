"""Plans that somebody edited by hand, or another version wrote."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import PlanReferenceError, PlanSyntaxError, PlanVersionError
from pipeline_lib.plan.reading import plan_from_text, read_plan
from unit.dsl.parts import compiled, sample


def edited(edit: Callable[[dict[str, Any]], object]) -> str:
    record = compiled(sample).as_json()
    edit(record)
    return json.dumps(record)


def test_round_trip() -> None:
    plan = compiled(sample)
    again = plan_from_text(json.dumps(plan.as_json(), indent=2))
    assert (again, again.digest) == (plan, plan.digest)


def test_not_json_names_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"name": "x",\n "nodes": [}')
    with pytest.raises(PlanSyntaxError, match="the plan is not JSON") as caught:
        read_plan(tmp_path / "p.json")
    assert str(caught.value.at).endswith("p.json:2:12")
    with pytest.raises(PlanSyntaxError, match="cannot be read"):
        read_plan(tmp_path / "nowhere.json")


def test_a_key_twice() -> None:
    with pytest.raises(PlanSyntaxError, match="the key name stands twice"):
        plan_from_text('{"name": "x", "name": "y"}')


@pytest.mark.parametrize("text", ["[]", "{}", "3", '{"name": "x"}'])
def test_other_json(text: str) -> None:
    with pytest.raises(PlanSyntaxError, match="has no schema_version"):
        plan_from_text(text)


@pytest.mark.parametrize(
    ("version", "fix"),
    [(2, "update pipeline-lib"), (0, "compile the pipeline again"), ("1", "compile the pipeline again")],
)
def test_other_versions(version: object, fix: str) -> None:
    text = edited(lambda plan: plan.update(schema_version=version))
    with pytest.raises(
        PlanVersionError, match=f"schema version {version!r}, and this library reads 1"
    ) as caught:
        plan_from_text(text)
    assert caught.value.fix == fix


def test_an_unknown_key_gets_a_suggestion() -> None:
    text = edited(lambda plan: plan["nodes"][1].update(conditon=None))
    with pytest.raises(PlanSyntaxError, match="has 1 part in another form") as caught:
        plan_from_text(text)
    assert caught.value.facts["faults"].startswith("nodes.train.conditon")
    assert caught.value.fix == "did you mean condition?"


def test_wrong_values_name_the_node() -> None:
    text = edited(lambda plan: plan["nodes"][1].update(inputs={"examples": {"source": {"kind": "outptu"}}}))
    with pytest.raises(PlanSyntaxError, match="in another form") as caught:
        plan_from_text(text)
    assert "nodes.train.inputs.examples" in caught.value.facts["faults"]


def test_a_node_twice() -> None:
    text = edited(lambda plan: plan["nodes"].append(plan["nodes"][0]))
    with pytest.raises(PlanSyntaxError, match="in another form") as caught:
        plan_from_text(text)
    assert "node id used twice: ingest" in caught.value.facts["faults"]


def test_the_graph_is_checked() -> None:
    text = edited(lambda plan: plan["nodes"][1].update(after=["ingst"]))
    with pytest.raises(PlanReferenceError, match="no node named ingst"):
        plan_from_text(text)
