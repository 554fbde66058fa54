"""Tasks and edges of a plan, and what is refused."""

from typing import Any

import pytest

from pipeline_lib.airflow.translation import check_translatable, task_edges
from pipeline_lib.errors import UntranslatableError
from pipeline_lib.plan.expressions import Constant, FromGather, FromOutput
from pipeline_lib.plan.models import (
    ApprovalRule,
    ArtifactTrigger,
    CodeRef,
    InputPort,
    Loop,
    Node,
    Options,
    OutputPort,
    Plan,
    RunParameter,
)

CODE = CodeRef(module="m", qualname="f")


def node(node_id: str, *reads: str, **more: Any) -> Node:
    inputs = {name: InputPort(source=FromOutput(node=name, port="out"), artifact_type="A") for name in reads}
    outputs = {"out": OutputPort(artifact_type="A")}
    return Node(id=node_id, code=CODE, inputs=inputs, outputs=outputs, **more)


def plan(*nodes: Node, **more: Any) -> Plan:
    return Plan(**{"name": "p", "code": CODE, "nodes": nodes, **more})


def edges(compiled: Plan) -> dict[str, set[str]]:
    return {task: set(upstream) for task, upstream in task_edges(compiled).items()}


def test_first_and_last_task_embrace_the_graph() -> None:
    assert edges(plan(node("a"), node("b", "a"), node("c", "a"))) == {
        "start_run": set(),
        "a": {"start_run"},
        "b": {"a"},
        "c": {"a"},
        "finish_run": {"b", "c"},
    }


def test_order_without_data_is_an_edge() -> None:
    assert edges(plan(node("a"), node("b", after=("a",))))["b"] == {"a"}


def test_an_exit_handler_waits_for_all_others() -> None:
    found = edges(plan(node("a"), node("b"), node("z", exit_handler=True)))
    assert (found["z"], found["finish_run"]) == ({"a", "b"}, {"z"})


def test_nodes_of_one_loop_share_the_list_of_its_iterations() -> None:
    over = Loop(id="x", over=FromOutput(node="a", port="out"))
    gather = InputPort(source=FromGather(node="c", port="out"), artifact_type="A", many=True)
    last = Node(id="d", code=CODE, inputs={"all": gather})
    looped = [node("b", loops=("x",)), node("c", "b", loops=("x",))]
    assert edges(plan(node("a"), *looped, last, loops=(over,))) == {
        "start_run": set(),
        "a": {"start_run"},
        "each.x": {"a"},
        "b": {"a", "each.x"},
        "c": {"a", "b", "each.x"},
        "d": {"c"},
        "finish_run": {"d"},
    }


def test_a_loop_over_constants_is_listed_at_once() -> None:
    over = Loop(id="x", over=Constant(value=[1, 2]))
    found = edges(plan(node("a"), node("b", "a", loops=("x",)), loops=(over,)))
    assert found["each.x"] == {"start_run"}


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        pytest.param(plan(node("a b")), "the id of node a b", id="id"),
        pytest.param(plan(node("start_run")), "node start_run has the id of a task", id="taken"),
        pytest.param(plan(node("a"), name="my pipeline"), "the pipeline's name", id="name"),
        pytest.param(plan(node("a"), schedule="@once"), "schedule @once", id="schedule"),
        pytest.param(
            plan(
                node("a"),
                schedule="@daily",
                parameters=(RunParameter(name="n", schema={"type": "integer"}, required=True),),
            ),
            "nobody is there to give n",
            id="parameter",
        ),
    ],
)
def test_what_a_dag_could_not_honour_is_refused(refused: Plan, said: str) -> None:
    with pytest.raises(UntranslatableError, match=said):
        check_translatable(refused)


def test_approval_is_asked_for_between_a_node_and_what_it_needs() -> None:
    rule = Options(approval=ApprovalRule())
    asking = plan(node("a", options=rule), node("b", "a"), node("c", "b", options=rule))
    assert edges(asking) == {
        "start_run": set(),
        "approve.a": {"start_run"},
        "a": {"start_run", "approve.a"},
        "b": {"a"},
        "approve.c": {"b"},
        "c": {"b", "approve.c"},
        "finish_run": {"c"},
    }


def test_nobody_gives_parameters_to_a_run_that_an_artifact_starts() -> None:
    parameter = RunParameter(name="x", schema={"type": "string"}, required=True)
    trigger = ArtifactTrigger(pipeline="other", node="make", port="it")
    with pytest.raises(UntranslatableError, match="nobody is there to give x"):
        check_translatable(plan(node("a"), parameters=(parameter,), triggers=(trigger,)))
