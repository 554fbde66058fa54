"""What one iteration hands on to the next is found in the source of a for_each loop, and nothing else is."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pipeline_lib import for_each
from pipeline_lib.errors import LoopError
from unit.dsl.parts import KerasModel, compiled, ingest, judge, notify, train


def counted(regions: tuple[str, ...] = ("EWR",)) -> None:
    number = 0
    for region in for_each(regions):
        number += 1  # noqa: SIM113
        train(ingest(), region=region, steps=number)


def passed_on(regions: tuple[str, ...] = ("EWR",)) -> None:
    model = train(ingest()).model
    for region in for_each(regions):
        judge(model)
        model = train(ingest(), region=region).model


def passed_on_in_a_branch(regions: tuple[str, ...] = ("EWR",)) -> None:
    model = None
    for region in for_each(regions):
        model = model if model else train(ingest(), region=region).model


def chained(regions: Sequence[str]) -> None:
    examples, seen = ingest(), ""
    for region in for_each(regions):
        train(examples, region=region)
        if seen:
            examples = ingest()
        seen = "one"


def in_a_helpers_loop(regions: tuple[str, ...] = ("EWR",)) -> None:
    chained(regions)


@pytest.mark.parametrize(
    ("body", "name", "line"),
    [
        (counted, "number", 3),
        (passed_on, "model", 3),
        (passed_on_in_a_branch, "model", 3),
        (in_a_helpers_loop, "examples", -6),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_iterations_hand_on_is_found(body: Callable[..., Any], name: str, line: int) -> None:
    """Recorded once, the first iteration would be all of them."""
    with pytest.raises(LoopError, match=f"{name} is handed on to the next iteration") as caught:
        compiled(body)
    assert str(caught.value.at).endswith(f"test_carried.py:{body.__code__.co_firstlineno + line}")


def independent(regions: tuple[str, ...] = ("EWR",)) -> None:
    models: list[KerasModel] = []
    others: list[KerasModel] = []
    more: list[KerasModel] = []
    last = None
    for region in for_each(regions):
        model = train(ingest(), region=region).model
        for steps in (1, 2):
            model = train(ingest(), steps=steps).model
            judge(model)
        models.append(model)
        others += [model]
        more = [*more, model]
        last = model
        notify(",".join(region for region in ("a", "b")), model=last)


def test_what_each_iteration_makes_for_itself_may_be_set_again() -> None:
    nodes = compiled(independent).nodes
    assert [node.id for node in nodes if node.id.startswith("train")] == [
        "train",
        "train_2",
        "train_3",
    ]
