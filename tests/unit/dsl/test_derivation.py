"""Parts of recorded values: fields, items, artifact properties."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from pipeline_lib import when
from pipeline_lib.errors import RecordedValueError, UnknownAttributeError
from pipeline_lib.plan import expressions as ex
from unit.dsl.parts import KerasModel, Tuning, compiled, ingest, notify, push, shard, train

MODEL = ex.FromOutput(node="train", port="model")


def test_every_part_has_its_path() -> None:
    def body(tuning: Tuning = Tuning(), rates: dict[str, list[float]] = {}) -> None:  # noqa: B006, B008
        trained = train(ingest(), steps=3, rates={"a": tuning.lr, "b": rates["x"][1]})
        train.options(id="again")(shard(ingest()).parts[0], rates={"c": trained.model.accuracy})
        notify.options(id="told")(trained.model.framework)

    plan = compiled(body)
    rates = plan.node("train").parameters["rates"]
    assert isinstance(rates, ex.Struct)
    assert rates.fields["a"] == ex.FromParameter(name="tuning", path=("lr",))
    assert rates.fields["b"] == ex.FromParameter(name="rates", path=("x", 1))
    source = plan.node("again").inputs["examples"].source
    assert source == ex.FromOutput(node="shard", port="parts", path=(0,))
    assert plan.node("told").parameters["text"] == ex.FromProperty(artifact=MODEL, name="framework")


def test_a_property_that_may_be_none_is_marked() -> None:
    """It is stored as absent, which is no error then."""

    def body() -> None:
        model = train(ingest()).model
        with when(model.trained_on != date(2013, 1, 1)):
            push(model)

    condition = compiled(body).node("push").condition
    assert isinstance(condition, ex.Compare)
    assert condition.left == ex.FromProperty(artifact=MODEL, name="trained_on", optional=True)


@pytest.mark.parametrize(
    ("part", "error", "match"),
    [
        pytest.param(lambda m, _: m.accurcy, UnknownAttributeError, "has no accurcy", id="property"),
        pytest.param(lambda m, _: m.path, RecordedValueError, "known only in a run", id="path"),
        pytest.param(lambda _, d: d.year, RecordedValueError, "known only in a run", id="date"),
        pytest.param(lambda m, _: m.scores[0], RecordedValueError, "picked by str", id="key"),
        pytest.param(
            lambda m, _: m.scores[m.framework], RecordedValueError, "cannot be recorded", id="value"
        ),
        pytest.param(lambda m, _: m.accuracy[0], UnknownAttributeError, "has no", id="no-items"),
        pytest.param(lambda m, _: m.trained_on.year, RecordedValueError, "may be None", id="optional"),
    ],
)
def test_parts_that_are_not_there(
    part: Callable[[KerasModel, date], Any], error: type[Exception], match: str
) -> None:
    def body(day: date) -> None:
        part(train(ingest(span=day)).model, day)

    with pytest.raises(error, match=match):
        compiled(body)
