# ruff: noqa: ARG005  edits take what they need of two arguments
"""Every graph error, made by editing a good plan."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_lib.errors import PlanCycleError, PlanReferenceError, UngatedPushError
from pipeline_lib.plan.models import Plan
from pipeline_lib.plan.reading import plan_from_text
from unit.dsl.parts import compiled, sample

Edit = Callable[[dict[str, dict[str, Any]], dict[str, Any]], object]


def checked(edit: Edit) -> Plan:
    record = compiled(sample).as_json()
    edit({node["id"]: node for node in record["nodes"]}, record)
    return plan_from_text(json.dumps(record))


def source(node: str, port: str, kind: str = "output", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "node": node, "port": port, **more}


REFERENCES: dict[str, tuple[Edit, str, str]] = {
    "node": (
        lambda n, p: n["judge"]["inputs"]["model"].update(source=source("trian", "model")),
        "no node named trian",
        "did you mean train?",
    ),
    "port": (
        lambda n, p: n["judge"]["inputs"]["model"].update(source=source("train", "modle")),
        "no output of train named modle",
        "did you mean model?",
    ),
    "parameter": (
        lambda n, p: n["train"]["parameters"].update(steps={"kind": "parameter", "name": "m"}),
        "no run parameter named m",
        "use one of: n, regions",
    ),
    "loop": (
        lambda n, p: n["train_2"].update(loops=["loop_9"]),
        "no loop named loop_9",
        "did you mean loop_1?",
    ),
    "item-outside-its-loop": (
        lambda n, p: n["train_2"].pop("loops"),
        "no loop around it named loop_1",
        "use one of: none",
    ),
    "after": (lambda n, p: n["push"].update(after=["x"]), "no node named x", "use one of"),
    "span": (lambda n, p: p.update(span_parameter="day"), "no run parameter named day", "use one of"),
    "artifact-type": (
        lambda n, p: p["artifact_types"].pop("ModelBlessing"),
        "no artifact type named ModelBlessing",
        "use one of: Examples, KerasModel",
    ),
    "property": (
        lambda n, p: n["push"]["condition"].update(name="blest"),
        "no property of ModelBlessing named blest",
        "did you mean blessed?",
    ),
    "user-module": (
        lambda n, p: n["train"].update(user_modules=["modul"]),
        "no parameter named modul",
        "did you mean module?",
    ),
    "one-for-many": (
        lambda n, p: n["judge"]["inputs"]["model"].update(source=source("train_2", "model")),
        "train_2 runs once per item of loop_1, and judge is outside",
        'use kind "gather"',
    ),
    "gather-without-loop": (
        lambda n, p: n["judge"]["inputs"]["model"].update(
            source=source("train", "model", "gather"), many=True
        ),
        "train is in no loop to gather from",
        'use kind "output"',
    ),
    "list-into-single": (
        lambda n, p: n["train"]["inputs"]["examples"].update(source=source("shard", "parts")),
        "train.examples needs one artifact and is given a list",
        "pick one with path",
    ),
    "single-into-list": (
        lambda n, p: n["judge"]["inputs"]["model"].update(many=True),
        "judge.model needs a list and is given one artifact",
        "wrap it in a list",
    ),
    "value-into-port": (
        lambda n, p: n["judge"]["inputs"]["model"].update(source={"kind": "parameter", "name": "n"}),
        "judge.model needs an artifact",
        "name an output",
    ),
    "exit-handler": (
        lambda n, p: n["train"].update(exit_handler=True),
        "judge reads the exit handler train",
        "exit handlers run last",
    ),
    "empty-loop": (
        lambda n, p: p["loops"].append({"id": "loop_2", "over": {"kind": "constant", "value": [1]}}),
        "the loop loop_2 has no nodes",
        "call components in it",
    ),
}


@pytest.mark.parametrize(("edit", "message", "fix"), REFERENCES.values(), ids=REFERENCES)
def test_references(edit: Edit, message: str, fix: str) -> None:
    with pytest.raises(PlanReferenceError, match=message) as caught:
        checked(edit)
    assert fix in caught.value.fix


def test_cycles_are_shown() -> None:
    def edit(nodes: dict[str, Any], plan: dict[str, Any]) -> None:
        nodes["ingest"].update(after=["judge"])

    with pytest.raises(PlanCycleError, match="ingest -> train -> judge -> ingest"):
        checked(edit)


def test_a_node_waiting_for_itself() -> None:
    with pytest.raises(PlanCycleError, match="ingest -> ingest"):
        checked(lambda nodes, plan: nodes["ingest"].update(after=["ingest"]))


def test_nodes_stand_in_an_order_that_runs() -> None:
    with pytest.raises(PlanCycleError, match="train stands before ingest, which it waits for"):
        checked(lambda nodes, plan: plan["nodes"].insert(0, plan["nodes"].pop(1)))


def test_a_push_looks_at_the_judgement() -> None:
    with pytest.raises(UngatedPushError, match="push pushes a model that judge judges") as caught:
        checked(lambda nodes, plan: nodes["push"].pop("condition"))
    assert caught.value.fix == "pass judge.blessing to push, or put it under `with when(...)`"
    assert checked(
        lambda nodes, plan: (nodes["push"].pop("condition"), nodes["push"].update(after=["judge"]))
    )
