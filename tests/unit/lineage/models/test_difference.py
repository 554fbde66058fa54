"""What differs between two models."""

from pipeline_lib.lineage import Subject, diff, explain
from unit.lineage.conftest import Audited


def test_data_and_parameters_that_differ_are_named(audited: Audited) -> None:
    first, last = (explain(audited.store, Subject(version=version)) for version in ("101", "102"))
    found = diff(first, last)
    assert [change.what for change in found.data] == ["ingest: it's 2%.csv", "spans"]
    assert ("train.steps", 5, 7) in [(c.what, c.before, c.after) for c in found.parameters]
    assert found.code == found.environment == found.verdict == ()


def test_the_verdict_is_compared(audited: Audited) -> None:
    models = audited.made("Model")
    first, refused = (explain(audited.store, Subject(artifact=model.id)) for model in models[:2])
    assert {change.what for change in diff(first, refused).verdict} == {"blessed", "outcome", "reasons"}


def test_a_model_does_not_differ_from_itself(audited: Audited) -> None:
    found = explain(audited.store, Subject(version="101"))
    assert not any(diff(found, found).parts().values())
