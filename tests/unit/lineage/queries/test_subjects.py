"""Ids, versions and times become one model, or an error that says which there are."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline_lib.errors import (
    AmbiguousSubjectError,
    LineageQueryError,
    NotAModelError,
    UnknownSubjectError,
)
from pipeline_lib.lineage import Subject, find_model
from pipeline_lib.lineage.queries.subjects import find_artifact
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State
from unit.lineage.conftest import Audited

INJECTIONS = [
    "' OR 1=1 --",
    "x' OR 'a' = 'a",
    "\\",
    '"',
    "%",
    "_",
    "\0",
    "1; DROP TABLE Artifact",
    "\u00fc\u2019",
    "*",
]


@pytest.mark.parametrize("version", INJECTIONS)
def test_no_text_reaches_the_filter_language(audited: Audited, version: str) -> None:
    with pytest.raises(UnknownSubjectError, match="no model was pushed as version"):
        find_model(audited.store, Subject(version=version))


@pytest.mark.parametrize("target", INJECTIONS)
def test_a_target_is_compared_exactly(audited: Audited, target: str) -> None:
    with pytest.raises(UnknownSubjectError, match="nothing was pushed to"):
        find_model(audited.store, Subject(at=datetime.now(UTC), target=target))


@pytest.mark.parametrize("text", [*INJECTIONS, "", "model:1", "-1", "1.5", "٣", "9" * 30])
def test_what_is_no_subject_is_refused(text: str) -> None:
    with pytest.raises(LineageQueryError, match="is no model"):
        Subject.parsed(text)


@pytest.mark.parametrize("at", [*INJECTIONS, "yesterday"])
def test_what_is_no_time_is_refused(at: str) -> None:
    with pytest.raises(LineageQueryError, match="is no time"):
        Subject.parsed(None, at=at)


def test_one_question_at_a_time() -> None:
    with pytest.raises(LineageQueryError, match="which model"):
        Subject.parsed("1", at="2026-01-01")


def test_a_number_is_an_id_or_a_version(audited: Audited) -> None:
    model = audited.made("Model")[0]
    assert find_model(audited.store, Subject.parsed("101")) == model
    assert find_model(audited.store, Subject.parsed(f"{model.id}")) == model


def test_a_time_finds_what_was_pushed_last(audited: Audited) -> None:
    first, _, last = audited.made("PushedModel")[:3]
    models = audited.made("Model")
    before = last.created_at - timedelta(milliseconds=1)
    assert find_model(audited.store, Subject(at=before, target="toy")) == models[0]
    assert find_model(audited.store, Subject(at=last.created_at, target="toy")) == models[2]
    assert (
        find_model(audited.store, Subject(at=last.created_at + timedelta(seconds=1), target="toy"))
        == models[2]
    )
    with pytest.raises(UnknownSubjectError, match="nothing was pushed to toy before"):
        find_model(audited.store, Subject(at=first.created_at - timedelta(milliseconds=1), target="toy"))


def test_an_unknown_id_and_an_artifact_that_is_no_model(audited: Audited) -> None:
    with pytest.raises(UnknownSubjectError, match="no artifact 4711"):
        find_model(audited.store, Subject.parsed("artifact:4711"))
    with pytest.raises(NotAModelError, match="is no model"):
        find_model(audited.store, Subject(artifact=audited.made("Examples")[0].id))
    with pytest.raises(UnknownSubjectError, match="no artifact"):
        find_artifact(audited.store, 2**70)


def test_a_version_of_two_targets_is_ambiguous_and_one_without_its_model_is_told(
    audited: Audited, tmp_path: Path
) -> None:
    shutil.copy(audited.folder / "metadata.sqlite", tmp_path)
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as store:
        store.open_run(Run(pipeline="other", run_id="other-1", state=State.RUNNING))
        for node, base in (("a", "/served/a"), ("b", "/served/b")):
            key = NodeKey(pipeline="other", run_id="other-1", node=node)
            id_ = store.start(
                NewExecution(key=key, type_name="other.push", cache_key="", inputs={}, parameters={})
            )
            pushed = {"pushed": True, "pushed_destination": f"{base}/7777", "pushed_version": "7777"}
            made = NewArtifact(type_name="PushedModel", uri=f"/made/{node}", digest="d", properties=pushed)
            store.complete(id_, key, {"pushed_model": [made]}, {})
        with pytest.raises(AmbiguousSubjectError, match="stands for several targets"):
            find_model(store, Subject(version="7777"))
        with pytest.raises(UnknownSubjectError, match="not recorded which model"):
            find_model(store, Subject(version="7777", target="a"))
