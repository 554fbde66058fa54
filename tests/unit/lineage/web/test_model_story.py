"""What happened to a model, in order."""

from dataclasses import replace

from pipeline_lib.lineage.models.explanation import Explanation, explain
from pipeline_lib.lineage.models.verdicts import Approval, Evaluation
from pipeline_lib.lineage.queries.subjects import Subject
from pipeline_lib.lineage.web.model_story import judged_metrics, latest_parameters, story, told_of_models
from unit.lineage.conftest import Audited


def explained(audited: Audited, place: int) -> Explanation:
    return explain(audited.store, Subject(artifact=audited.made("Model")[place].id))


def test_a_pushed_model_is_read_trained_blessed_pushed_and_replaced(audited: Audited) -> None:
    titles = [event.title for event in story(explained(audited, 0))]
    assert titles == ["Data read", "Trained", "Blessed", "Pushed as version 101", "Replaced by version 102"]


def test_a_refused_model_says_why(audited: Audited) -> None:
    events = {event.title: event for event in story(explained(audited, 1))}
    assert events["Not blessed"].text == "auc is <b>0.5</b>"
    assert events["Not blessed"].kind == events["Not pushed"].kind == "bad"


def test_decisions_of_people_are_told_if_they_have_a_time(audited: Audited) -> None:
    found = explained(audited, 0)
    answer = Approval(
        execution_id=5,
        run_id="r",
        subject="serve",
        decision="rejected",
        by="vera",
        comment="no",
        at="2030-01-01T00:00",
    )
    told = story(replace(found, approvals=(answer, replace(answer, at="half-writt"))))
    assert [(event.title, event.text) for event in told if "vera" in event.title] == [
        ("Rejected by vera", "to serve: no")
    ]


def test_metrics_are_those_of_the_slices_or_of_all_rows(audited: Audited) -> None:
    found = explained(audited, 0)
    assert judged_metrics(found).slices == ()
    evaluation = Evaluation(
        execution_id=1,
        evaluation_id=7,
        metrics={"auc": 0.7, "loss": 0.1},
        baseline_metrics={"auc": 0.6},
        slices=(),
        slices_left_out=3,
        evaluated_at=found.model.created_at,
    )
    whole = judged_metrics(replace(found, evaluations=(evaluation,)))
    assert (whole.names, whole.report, whole.left_out) == (("auc", "loss"), 7, 3)
    assert whole.slices[0]["metrics"]["auc"] == {"value": 0.7, "baseline": 0.6}
    sliced = replace(evaluation, slices=({"slice": "a=1", "metrics": {"auc": {"value": 1.0}}},))
    assert judged_metrics(replace(found, evaluations=(sliced,))).slices[0]["bounds"] == []


def test_parameters_are_the_latest_and_without_files(audited: Audited) -> None:
    found = latest_parameters(explained(audited, 2))
    assert found["train"] == {"steps": 7}
    assert "found" not in found["ingest"]


def test_a_list_of_models_tells_verdict_and_versions(audited: Audited) -> None:
    models = audited.made("Model")
    told = told_of_models(audited.store.consumers([model.id for model in models]))
    assert [(told[model.id].outcome, told[model.id].versions) for model in models] == [
        ("blessed", ("101",)),
        ("threshold_missed", ()),
        ("blessed", ("102",)),
    ]
