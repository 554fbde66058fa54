"""What the last task of a run says about late data."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline_lib.airflow.late_data import tell_stale
from pipeline_lib.airflow.runs import TaskRun
from pipeline_lib.runtime.launcher import RunContext
from pipeline_lib.runtime.session import Session, open_session
from unit.runtime.toy_runs import toy_plan, toy_profile


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_session(toy_profile(tmp_path)) as opened:
        yield opened


def test_stale_artifacts_and_days_are_told(
    session: Session, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = toy_plan("windowed")
    task = TaskRun(plan=plan, session=session, context=RunContext(pipeline=plan.name, run_id=""), record=None)
    told = []
    for day, content in ((1, "1"), (2, "2"), (1, "100")):
        source = tmp_path / f"{day}.txt"
        source.write_text(content)
        result = session.run(plan, {"day": f"2026-01-0{day}", "source": str(source), "span": day})
        with caplog.at_level(logging.WARNING):
            told.append(tell_stale(replace(task, context=replace(task.context, run_id=result.run_id))))
    assert told[:2] == [{}, {}]
    assert told[2]["run_again"] == ["2026-01-02"]
    assert len(told[2]["stale"]) == 1
    assert caplog.messages[0] == "1: there is a new version; what was made from older ones: 1"
    assert caplog.messages[-1] == "run again: 2026-01-02"
