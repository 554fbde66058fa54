"""The plan's small language: what a reader of the JSON relies on."""

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline_lib.plan import expressions as ex

READER: TypeAdapter[ex.Expression] = TypeAdapter(ex.Expression)
MODEL = ex.FromOutput(node="train", port="model")
EVERY = (
    ex.Constant(value={"a": [1, None]}),
    ex.FromParameter(name="tuning", path=("lr", 0)),
    ex.FromOutput(node="shard", port="parts", path=(2,)),
    ex.FromGather(node="train", port="model"),
    ex.FromItem(loop="loop_1", path=("region",)),
    ex.FromProperty(artifact=MODEL, name="scores", path=("auc",)),
    ex.ListOf(items=(MODEL, ex.FromGather(node="train", port="model"))),
    ex.Struct(fields={"lr": ex.Constant(value=0.1)}),
    ex.Either(choices=(MODEL, ex.Constant(value=None))),
    ex.Exists(operand=MODEL),
    ex.Compare(op="<=", left=ex.FromParameter(name="n"), right=ex.Constant(value=3)),
    ex.AllOf(operands=(ex.Exists(operand=MODEL), ex.FromParameter(name="force"))),
    ex.AnyOf(operands=()),
    ex.Not(operand=ex.Exists(operand=MODEL)),
)


@pytest.mark.parametrize("expression", EVERY, ids=lambda each: each.kind)
def test_what_is_written_without_defaults_is_read_again(expression: ex.Expression) -> None:
    written = READER.dump_json(expression, exclude_defaults=True)
    assert READER.validate_json(written) == expression
    assert f'"kind":"{expression.kind}"' in written.decode()


def test_every_kind_has_its_round_trip() -> None:
    kinds = {cls.model_fields["kind"].default for cls in ex._Tagged.__subclasses__()}
    assert {expression.kind for expression in EVERY} == kinds


@pytest.mark.parametrize(
    ("record", "match"),
    [
        pytest.param({"kind": "lambda", "code": "1"}, "does not match any of the expected", id="kind"),
        pytest.param({"kind": "output", "node": "a"}, "port", id="missing"),
        pytest.param({"kind": "constant", "value": 1, "more": 2}, "not permitted", id="unknown"),
        pytest.param(
            {"kind": "compare", "op": "in", "left": EVERY[0], "right": EVERY[0]}, "op", id="operator"
        ),
    ],
)
def test_what_the_language_lacks_is_refused(record: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        READER.validate_python(record)


def test_expressions_are_values() -> None:
    assert ex.FromOutput(node="train", port="model") == MODEL
    with pytest.raises(ValidationError, match="frozen"):
        MODEL.node = "other"
