"""What a profile opens, and what a run notes of its surroundings."""

from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.errors import ProfileError, RunParameterError
from pipeline_lib.metadata.records import State
from pipeline_lib.runtime.session import Session, new_context, open_session
from unit.runtime.toy_runs import toy_plan, toy_profile


def test_each_run_has_a_name_of_its_own(tmp_path: Path) -> None:
    plan, profile = toy_plan("chain"), toy_profile(tmp_path)
    ids = {new_context(plan, span="", profile=profile).run_id for _ in range(50)}
    assert len(ids) == 50
    assert all(run_id.startswith("chain-2") for run_id in ids)


def test_the_surroundings_are_noted(tmp_path: Path) -> None:
    context = new_context(toy_plan("chain"), span="2026-01-01", profile=toy_profile(tmp_path))
    assert context.span == "2026-01-01"
    assert {"user", "host", "pid", "pid_started", "environment_digest", "plan_digest", "profile"} <= set(
        context.facts
    )


def test_what_a_working_copy_changed_is_kept_by_digest(
    session: Session, monkeypatch: pytest.MonkeyPatch, number: dict[str, Any]
) -> None:
    diff = "diff --git a/m.py b/m.py\n-old \\ 'x'\n+new"
    dirty = {"git_commit": "c0ffee", "git_dirty": True, "user": "ann"}
    monkeypatch.setattr("pipeline_lib.runtime.session.surroundings", lambda _: dict(dirty))
    monkeypatch.setattr("pipeline_lib.runtime.session.git_diff", lambda _: diff)
    result = session.run(toy_plan("chain"), number)
    (execution, *_) = session.store.run_executions(result.run_id)
    name = execution.facts["git_diff_digest"]
    assert session.store.kept_texts([name]) == {name: diff}


def test_a_state_directory_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with (
        pytest.raises(ProfileError, match="state_dir cannot be made: File exists"),
        open_session(toy_profile(tmp_path)),
    ):
        pass


def test_a_run_that_cannot_begin_is_not_recorded(session: Session) -> None:
    with pytest.raises(RunParameterError, match="chain needs source"):
        session.run(toy_plan("chain"), {})
    assert session.store.runs(None, limit=9) == []


def test_a_run_is_recorded_with_its_parameters(session: Session, number: dict[str, Any]) -> None:
    result = session.run(toy_plan("chain"), {**number, "plus": 3})
    run = session.store.run(result.run_id)
    assert run is not None
    assert (run.state, run.parameters) == (State.COMPLETE, {**number, "plus": 3})
    assert run.started_at is not None
    assert run.ended_at is not None
    assert run.ended_at >= run.started_at
