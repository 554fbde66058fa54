"""Arguments by name, as Python would bind them."""

from typing import Any

import pytest

from pipeline_lib import Model
from pipeline_lib.dsl.arguments import artifact_arm, declared_artifact, kind_arm
from pipeline_lib.errors import ArgumentError
from unit.dsl.parts import compiled, ingest, judge, train


@pytest.mark.parametrize(
    ("arguments", "match", "fix"),
    [
        pytest.param({"stepz": 3}, "train has no argument stepz", "did you mean steps?", id="near"),
        pytest.param({"x": 3}, "train has no argument x", "it takes examples, steps", id="far"),
    ],
)
def test_unknown_names(arguments: dict[str, Any], match: str, fix: str) -> None:
    with pytest.raises(ArgumentError, match=match) as caught:
        compiled(lambda: train(ingest(), **arguments))
    assert fix in caught.value.fix


def test_what_is_missing_is_named_with_its_type() -> None:
    with pytest.raises(ArgumentError, match="missing a required argument") as caught:
        compiled(lambda: train())  # type: ignore[call-arg]  # noqa: PLW0108
    assert caught.value.facts["missing"] == "examples: Examples"
    assert caught.value.fix.startswith("it is train(examples, steps")


def test_one_too_many_and_one_twice() -> None:
    with pytest.raises(ArgumentError, match="too many positional arguments"):
        compiled(lambda: train(ingest(), 3))  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match="multiple values for argument 'model'"):
        compiled(lambda: judge(train(ingest()).model, model=None))  # type: ignore[call-arg, arg-type]


def test_arms_of_a_union() -> None:
    assert artifact_arm(Model | type[Model]) is Model
    assert kind_arm(Model | type[Model]) is Model
    assert kind_arm(type[Model]) is Model
    assert artifact_arm(int | str) is None
    with pytest.raises(TypeError, match="no artifact"):
        declared_artifact(int)
