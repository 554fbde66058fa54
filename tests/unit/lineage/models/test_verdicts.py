"""Metrics per slice, approvals, and verdicts that are about the model itself."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline_lib.lineage.models.verdicts import approvals_of, evaluations_of, judgements_of
from pipeline_lib.metadata.records import NodeKey, State, StoredArtifact, StoredExecution

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def artifact(id_: int, type_name: str, **properties: Any) -> StoredArtifact:
    return StoredArtifact(
        id=id_, type_name=type_name, uri=f"/{id_}", digest="d", properties=properties, created_at=NOW
    )


MODEL = artifact(1, "Model")


def evaluated(port: str = "model", **properties: Any) -> StoredExecution:
    return StoredExecution(
        id=7,
        key=NodeKey(pipeline="p", run_id="r", node="evaluate"),
        type_name="evaluate",
        state=State.COMPLETE,
        cache_key="",
        parameters={"metrics": [{"name": "auc", "at_least": 0.6}]},
        facts={},
        started_at=NOW,
        updated_at=NOW,
        inputs={port: (MODEL,)},
        outputs={
            "evaluation": (artifact(8, "ModelEvaluation", **properties),),
            "blessing": (artifact(9, "ModelBlessing", blessed=True, outcome="blessed"),),
        },
    )


def test_metrics_come_by_slice_with_their_bounds() -> None:
    slices = [{"slice": "hour=3", "metrics": {"auc": {"value": 0.5}}, "bounds": [{"met": False}]}]
    found = evaluations_of(
        [evaluated(metrics={"b": 1.0, "a": 0.5}, slice_metrics=slices, slices_left_out=2)], MODEL
    )
    (one,) = found
    assert list(one.metrics) == ["a", "b"]
    assert one.slices == tuple(slices)
    assert one.slices_left_out == 2


def test_what_a_model_was_only_a_baseline_of_is_not_about_it() -> None:
    assert evaluations_of([evaluated("baseline")], MODEL) == ()
    assert judgements_of([evaluated("baseline")], MODEL) == ()
    assert len(judgements_of([evaluated()], MODEL)) == 1


@pytest.mark.parametrize("odd", [None, "text", 3, [1, None], {"a": 1}])
def test_a_half_written_record_is_no_error(odd: object) -> None:
    (one,) = evaluations_of([evaluated(slice_metrics=odd, metrics=odd)], MODEL)
    assert one.slices == ()


def test_who_approved_what() -> None:
    told = {"subject": "push", "decision": "approved", "by": "ann", "comment": "ok", "at": "2026"}
    approval = replace(
        evaluated(), type_name="approval", inputs={"model": (MODEL,)}, outputs={}, parameters=told
    )
    (found,) = approvals_of([approval, evaluated()], MODEL)
    assert {name: getattr(found, name) for name in told} == told
    assert approvals_of([approval], artifact(2, "Model")) == ()
