"""What Python hides from recorded values is found in the source, and nothing else is."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from pipeline_lib import Examples, for_each
from pipeline_lib.errors import InvisibleUseError
from unit.dsl import parts
from unit.dsl.parts import KerasModel, Size, best, compiled, ingest, judge, train


def parameter_is(day: date | None = None) -> None:
    if day is None:
        ingest()
    ingest(span=day)


def result_is() -> None:
    old = best(KerasModel)
    if old is not None:
        judge(old)


def field_is() -> None:
    trained = train(ingest())
    judge(trained.model, baseline=trained.evaluation if trained.evaluation is not None else None)


def unpacked_is() -> None:
    model, report = parts.train.options(id="x")(ingest())
    assert report is not None
    judge(model)


def walrus_is() -> None:
    if (model := train(ingest()).model) is not None:
        judge(model)


def enum_is(size: Size = Size.SMALL) -> None:
    if size is Size.SMALL:
        ingest()
    ingest()


def isinstance_of() -> None:
    examples = ingest()
    assert isinstance(examples, Examples)
    train(examples)


def matched(size: Size = Size.SMALL) -> None:
    match size:
        case Size.SMALL:
            ingest()
        case _:
            ingest()


def loop_item_is(regions: tuple[str, ...] = ("EWR",)) -> None:
    for region in for_each(regions):
        assert region is not None
        train(ingest(), region=region)


def helper() -> KerasModel:
    model = train(ingest()).model
    assert model is not None
    return model


def in_a_helper() -> None:
    judge(helper())


@pytest.mark.parametrize(
    ("body", "marker"),
    [
        (parameter_is, "day is tested with is"),
        (result_is, "old is tested with is"),
        (field_is, r"trained\.evaluation is tested with is"),
        (unpacked_is, "report is tested with is"),
        (walrus_is, "is tested with is"),
        (enum_is, "size is tested with is"),
        (isinstance_of, "examples is tested with isinstance"),
        (matched, "size is tested with match"),
        (loop_item_is, "region is tested with is"),
        (in_a_helper, "model is tested with is"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_found(body: Callable[..., Any], marker: str) -> None:
    with pytest.raises(InvisibleUseError, match=marker) as caught:
        compiled(body)
    assert "test_source_check.py:" in str(caught.value.at)


DEBUG = None


def ordinary_names() -> None:
    limit = None
    report = None
    if DEBUG is None:
        report = train(ingest()).evaluation
    if limit is None and isinstance(limit, type(None)) and report is not limit:
        ingest()


def test_other_names_are_the_authors_business() -> None:
    assert len(compiled(ordinary_names).nodes) == 3
