"""A model is explained from its data to what replaced it."""

import hashlib
from pathlib import Path
from typing import Any

from pipeline_lib.lineage import Bounds, Subject, explain
from unit.lineage.conftest import Audited


def test_a_pushed_version_is_explained_whole(audited: Audited) -> None:
    found = explain(audited.store, Subject(version="101"))
    assert found.model == audited.made("Model")[0]
    assert found.spans == (15857,)
    (file,) = found.files
    assert (file.name, file.sha256, file.size_bytes) == ("one.csv", hashlib.sha256(b"1\n").hexdigest(), 2)
    assert found.parameters["train"] == {"steps": 5}
    assert "audited/components.py" in found.code.files
    assert len(found.code.environments) == 1
    (judgement,) = found.judgements
    assert (judgement.blessed, judgement.reasons) == (True, ())
    assert judgement.thresholds == ({"name": "auc", "at_least": 0.6},)
    (push,) = found.pushes
    assert (push.target, push.version, push.replaced_by) == ("/served/toy", "101", "102")
    assert push.replaced_at is not None
    assert push.replaced_at > push.pushed_at
    assert found.missing == ()


def test_a_refused_model_says_why(audited: Audited) -> None:
    found = explain(audited.store, Subject(artifact=audited.made("Model")[1].id))
    assert found.judgements[0].reasons == ({"metric": "auc", "detail": "auc is <b>0.5</b>"},)
    assert [(push.refused, push.version) for push in found.pushes] == [("not blessed", "")]


def test_the_newest_version_is_replaced_by_nothing(audited: Audited) -> None:
    found = explain(audited.store, Subject(version="102"))
    assert found.spans == (15857, 15858)
    assert (found.pushes[0].replaced_by, found.pushes[0].replaced_at) == ("", None)


def test_files_that_are_gone_are_named_and_nothing_fails(audited: Audited) -> None:
    blessing = audited.made("ModelBlessing")[0]
    reasons = audited.store.artifact(blessing.id)
    assert reasons is not None
    path = f"{reasons.uri}/reasons.json"
    moved = f"{reasons.uri}/elsewhere.json"
    Path(path).rename(moved)
    try:
        found = explain(audited.store, Subject(version="101"))
    finally:
        Path(moved).rename(path)
    assert found.judgements[0].reasons is None
    assert found.missing == (f"the reasons of blessing {blessing.id} cannot be read",)


def test_bounds_that_cut_are_told(audited: Audited) -> None:
    found = explain(audited.store, Subject(version="102"), bounds=Bounds(depth=1))
    assert found.lineage.truncated
    assert found.missing[-1].startswith("the lineage is longer")


def test_an_explanation_asks_a_fixed_number_of_questions(audited: Audited, counting: Any) -> None:
    explain(counting, Subject(version="102"))
    # The version, its push; then model, examples and what these were made of; users of the model and of
    # what was pushed; the next change of its target.
    dirty = counting.calls.pop("kept_texts", 0)
    assert counting.calls == {"artifacts": 1, "producers": 3, "consumers": 2, "marked": 1}
    assert dirty <= 1
    assert audited.store is not None
