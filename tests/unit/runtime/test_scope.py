"""Evaluating a plan's expressions."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline_lib.errors import UnresolvedValueError
from pipeline_lib.metadata.records import NodeKey, StoredArtifact
from pipeline_lib.plan import expressions as ex
from pipeline_lib.plan.models import CodeRef, Loop, Node, OutputPort, Plan
from pipeline_lib.runtime.results import NodeResult, Outcome
from pipeline_lib.runtime.runner import LocalResults
from pipeline_lib.runtime.scope import Scope, loop_scopes

CODE = CodeRef(module="m", qualname="f")
MODEL = OutputPort(artifact_type="Model")


def _artifact(number: int, **properties: Any) -> StoredArtifact:
    return StoredArtifact(
        id=number,
        type_name="Model",
        uri=f"/m/{number}",
        digest=str(number),
        properties=properties,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _scope(results: LocalResults, **parameters: Any) -> Scope:
    plan = Plan(
        name="p",
        code=CODE,
        loops=(Loop(id="over", over=ex.FromParameter(name="regions")),),
        nodes=(
            Node(id="train", code=CODE, outputs={"model": MODEL}),
            Node(id="many", code=CODE, outputs={"models": OutputPort(artifact_type="Model", many=True)}),
            Node(id="each", code=CODE, outputs={"model": MODEL}, loops=("over",)),
        ),
    )
    return Scope(plan=plan, parameters=parameters, results=results)


def _put(
    results: LocalResults, node: str, *found: StoredArtifact, iteration: tuple[int, ...] = (), **kw: Any
) -> None:
    port = "models" if node == "many" else "model"
    results.add(
        NodeResult(
            key=NodeKey(pipeline="p", run_id="r", node=node, iteration=iteration),
            outcome=kw.get("outcome", Outcome.COMPLETE),
            outputs={port: found},
        )
    )


TRAINED = ex.FromOutput(node="train", port="model")


def test_an_output_is_the_artifact() -> None:
    results = LocalResults()
    _put(results, "train", _artifact(1))
    assert _scope(results).evaluate(TRAINED).id == 1


def test_an_output_of_a_skipped_node_is_none() -> None:
    results = LocalResults()
    _put(results, "train", outcome=Outcome.SKIPPED)
    scope = _scope(results)
    assert scope.evaluate(TRAINED) is None
    assert scope.evaluate(ex.Exists(operand=TRAINED)) is False


def test_one_of_a_list_output_is_picked_by_index() -> None:
    results = LocalResults()
    _put(results, "many", _artifact(1), _artifact(2))
    assert _scope(results).evaluate(ex.FromOutput(node="many", port="models", path=(1,))).id == 2


def test_either_takes_the_first_that_exists() -> None:
    results = LocalResults()
    _put(results, "train", outcome=Outcome.SKIPPED)
    _put(results, "many", _artifact(7))
    other = ex.FromOutput(node="many", port="models", path=(0,))
    assert _scope(results).evaluate(ex.Either(choices=(TRAINED, other))).id == 7


def test_a_property_can_be_compared_and_combined() -> None:
    results = LocalResults()
    _put(results, "train", _artifact(1, auc=0.8, by={"EWR": 0.7}))
    scope = _scope(results, limit=0.75)
    auc = ex.FromProperty(artifact=TRAINED, name="auc")
    good = ex.Compare(op=">", left=auc, right=ex.FromParameter(name="limit"))
    local = ex.Compare(
        op=">=",
        left=ex.FromProperty(artifact=TRAINED, name="by", path=("EWR",)),
        right=ex.Constant(value=0.9),
    )
    assert scope.evaluate(good) is True
    assert scope.evaluate(ex.AllOf(operands=(good, local))) is False
    assert scope.evaluate(ex.AnyOf(operands=(local, good))) is True
    assert scope.evaluate(ex.Not(operand=good)) is False


def test_and_ends_at_the_first_that_does_not_hold() -> None:
    results = LocalResults()
    _put(results, "train", outcome=Outcome.SKIPPED)
    guarded = ex.AllOf(
        operands=(
            ex.Exists(operand=TRAINED),
            ex.Compare(
                op=">", left=ex.FromProperty(artifact=TRAINED, name="auc"), right=ex.Constant(value=0)
            ),
        )
    )
    assert _scope(results).evaluate(guarded) is False


def test_parts_of_a_parameter_and_structs() -> None:
    scope = _scope(LocalResults(), tuning={"lr": 0.1, "layers": [8, 4]})
    lr = ex.FromParameter(name="tuning", path=("lr",))
    second = ex.FromParameter(name="tuning", path=("layers", 1))
    assert scope.evaluate(ex.Struct(fields={"a": lr, "b": second})) == {"a": 0.1, "b": 4}


def test_a_loop_has_one_scope_per_item_and_is_gathered_in_order() -> None:
    results = LocalResults()
    scope = _scope(results, regions=["EWR", "JFK"])
    node = scope.plan.node("each")
    scopes = loop_scopes(node, scope)
    assert [s.evaluate(ex.FromItem(loop="over")) for s in scopes] == ["EWR", "JFK"]
    for inner in reversed(scopes):
        _put(results, "each", _artifact(inner.iteration[0]), iteration=inner.iteration)
    gathered = ex.ListOf(items=(ex.FromGather(node="each", port="model"),))
    assert [a.id for a in scope.evaluate(gathered)] == [0, 1]
    assert scopes[1].evaluate(ex.FromOutput(node="each", port="model")).id == 1


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        pytest.param(
            ex.FromProperty(artifact=TRAINED, name="auc"), "does not exist in this run", id="absent"
        ),
        pytest.param(ex.FromParameter(name="tuning", path=("x",)), "tuning has no part 'x'", id="no-part"),
        pytest.param(
            ex.Compare(op="<", left=ex.Constant(value=1), right=ex.Constant(value="a")),
            "cannot be compared",
            id="types",
        ),
    ],
)
def test_what_does_not_exist_is_an_error(expression: ex.Expression, message: str) -> None:
    with pytest.raises(UnresolvedValueError, match=message):
        _scope(LocalResults(), tuning={}).evaluate(expression)


def test_an_unset_property_is_an_error() -> None:
    results = LocalResults()
    _put(results, "train", _artifact(1))
    with pytest.raises(UnresolvedValueError, match="Model 1 has no value for auc"):
        _scope(results).evaluate(ex.FromProperty(artifact=TRAINED, name="auc"))
    maybe = ex.FromProperty(artifact=TRAINED, name="auc", optional=True)
    assert _scope(results).evaluate(maybe) is None
    assert _scope(results).evaluate(ex.Compare(op="==", left=maybe, right=ex.Constant(value=3))) is False
    assert _scope(results).evaluate(ex.Compare(op="!=", left=maybe, right=ex.Constant(value=3))) is True
