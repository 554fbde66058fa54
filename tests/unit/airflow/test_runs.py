"""Opening and closing the run of a DAG run, on a real store."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException

from pipeline_lib.airflow.runs import TaskRun, close_run, open_run, task_run
from pipeline_lib.airflow.translation import Deployment
from pipeline_lib.errors import RunParameterError
from pipeline_lib.metadata.records import State
from pipeline_lib.plan.models import CodeRef, Plan, RunParameter

CODE = CodeRef(module="m", qualname="p")
PLAN = Plan(
    name="p",
    code=CODE,
    schedule="0 3 * * *",
    span_parameter="day",
    parameters=(
        RunParameter(name="day", schema={"type": "string", "format": "date"}, required=True),
        RunParameter(name="steps", schema={"type": "integer"}, default=3),
    ),
    nodes=(),
)
START = datetime(2026, 2, 1, 3, tzinfo=UTC)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    (tmp_path / "configs").mkdir()
    profile = {"metadata": {"url": "sqlite:///metadata.sqlite"}, "state_dir": "state"}
    (tmp_path / "configs" / "x.yaml").write_text(yaml.safe_dump(profile))
    return Deployment(plan=PLAN, profile="x", project=tmp_path)


def context(*, opened_as: str | None = "p.manual__1", **params: Any) -> dict[str, Any]:
    facts = {"dag_id": "p", "run_id": "manual__1"}
    task = {"task_id": "start_run", "map_index": -1, "try_number": 1, "log_url": "http://airflow/log"}
    run = {"run_type": "manual", "data_interval_start": START, "run_after": START, "partition_key": None}
    pushed = {"run_id": opened_as} if opened_as else None
    return {
        "ti": SimpleNamespace(**facts, **task, xcom_pull=lambda **_: pushed),
        "dag_run": SimpleNamespace(**facts, **run),
        "params": {"day": None, "steps": 3, **params},
    }


def opened(deployment: Deployment, given: dict[str, Any]) -> str:
    with task_run(deployment, given, new=True) as run:
        return open_run(run, given).run_id


def test_the_run_is_recorded_with_day_parameters_and_the_way_back(deployment: Deployment) -> None:
    opened(deployment, context())
    with task_run(deployment, context()) as run:
        assert run.record is not None
        assert (run.record.run_id, run.record.span, run.context.span) == (
            "p.manual__1",
            "2026-02-01",
            "2026-02-01",
        )
        assert dict(run.record.parameters) == {"day": "2026-02-01", "steps": 3}
        assert run.record.facts["airflow"]["url"] == "http://airflow/log"
        assert run.results().parameters == run.record.parameters


def test_paths_start_at_the_project(deployment: Deployment) -> None:
    opened(deployment, context())
    assert deployment.project is not None
    assert (deployment.project / "metadata.sqlite").is_file()


def test_opening_again_is_a_run_of_its_own(deployment: Deployment) -> None:
    ids = [opened(deployment, context()) for _ in range(3)]
    assert ids == ["p.manual__1", "p.manual__1.2", "p.manual__1.3"]


@pytest.mark.parametrize("given", [{"step": 4}, {"steps": "4"}])
def test_a_wrong_parameter_is_refused(deployment: Deployment, given: dict[str, Any]) -> None:
    with pytest.raises(RunParameterError, match="p"):
        opened(deployment, context(**given))


def test_a_run_that_was_never_opened_has_no_results(deployment: Deployment) -> None:
    with (
        task_run(deployment, context(opened_as=None)) as run,
        pytest.raises(AirflowFailException, match="clear start_run"),
    ):
        run.results()


@pytest.mark.parametrize(("failed", "state"), [(True, State.FAILED), (False, State.COMPLETE)])
def test_the_end_is_recorded(deployment: Deployment, failed: bool, state: State) -> None:
    opened(deployment, context())
    with task_run(deployment, context()) as run:
        close_run(run, failed=failed)
        assert _state(run) is state


def _state(run: TaskRun) -> State | None:
    record = run.session.store.run(run.context.run_id)
    return None if record is None else record.state
