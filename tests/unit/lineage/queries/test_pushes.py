"""Pushes among the executions that used a model; when a version was live is tested with the timeline."""

from pipeline_lib.lineage.queries.pushes import plain_pushes, pushes_of
from unit.lineage.conftest import Audited, Counting


def test_pushes_and_refusals(audited: Audited) -> None:
    for model, version, refused in zip(
        audited.made("Model"), ("101", "", "102"), ("", "not blessed", ""), strict=True
    ):
        (push,) = plain_pushes(audited.store.consumers([model.id]))
        assert (push.version, push.refused, push.live) == (version, refused, ())


def test_a_model_that_was_never_pushed_costs_no_call(audited: Audited) -> None:
    counting = Counting(audited.store)
    users = audited.store.consumers([audited.made("Model")[1].id])
    assert pushes_of(counting, users).pushes[0].refused  # type: ignore[arg-type]
    assert counting.calls.total() == 0
