"""Which day a DAG run is of, asked of Airflow's own timetables."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import PartitionedAssetTimetable
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction
from pendulum import DateTime, instance

from pipeline_lib.airflow.schedules import schedule_of, span_of_run, timetable
from pipeline_lib.errors import SpanUnknownError
from pipeline_lib.plan.models import ArtifactTrigger, CodeRef, Plan


def moment(text: str) -> DateTime:
    return instance(datetime.fromisoformat(text).replace(tzinfo=UTC))


def plan_with(schedule: str | None) -> Plan:
    return Plan(
        name="p", code=CodeRef(module="m", qualname="p"), schedule=schedule, span_parameter="day", nodes=()
    )


def core(schedule: str) -> Any:
    return decode_timetable(encode_timetable(timetable(schedule)))


def run(**facts: Any) -> dict[str, Any]:
    defaults = {"run_id": "r", "partition_key": None, "data_interval_start": None, "run_after": None}
    return {"dag_run": SimpleNamespace(**{**defaults, **facts})}


@pytest.mark.parametrize(
    ("schedule", "last", "day"),
    [
        pytest.param("0 3 * * *", ("2026-02-01T03:00", "2026-02-02T03:00"), "2026-02-02", id="daily"),
        pytest.param("@daily", ("2026-02-01", "2026-02-02"), "2026-02-02", id="preset"),
        pytest.param("0 6 * * 1", ("2026-02-01T06:00", "2026-02-02T06:00"), "2026-02-08", id="Monday"),
        pytest.param("@monthly", ("2026-01-31", "2026-02-01"), "2026-02-28", id="monthly"),
    ],
)
def test_a_scheduled_run_is_of_the_day_before_it_starts(
    schedule: str, last: tuple[str, str], day: str
) -> None:
    following = core(schedule).next_dagrun_info(
        last_automated_data_interval=DataInterval(*map(moment, last)),
        restriction=TimeRestriction(earliest=moment("2000-01-01"), latest=None, catchup=True),
    )
    context = run(data_interval_start=following.data_interval.start)
    assert span_of_run(plan_with(schedule), context) == day


@pytest.mark.parametrize(
    ("schedule", "asked", "day"),
    [
        pytest.param("0 3 * * *", "2026-02-03T14:00", "2026-02-02", id="daily, in the afternoon"),
        pytest.param("0 3 * * *", "2026-02-03T02:00", "2026-02-01", id="daily, before the night's run"),
        pytest.param("0 6 * * 1", "2026-02-05T14:00", "2026-02-04", id="weekly"),
    ],
)
def test_a_run_by_hand_is_of_the_last_whole_day(schedule: str, asked: str, day: str) -> None:
    interval = core(schedule).infer_manual_data_interval(run_after=moment(asked))
    plan = plan_with(schedule)
    assert span_of_run(plan, run(data_interval_start=interval.start)) == day
    assert span_of_run(plan, run(run_after=moment(asked))) == day, "the same without a logical date"


def test_a_partition_key_counts_first() -> None:
    context = run(partition_key="2026-05-05", data_interval_start=moment("2026-01-01"))
    assert span_of_run(plan_with("@daily"), context) == "2026-05-05"


def test_a_partition_key_that_is_no_day_is_refused() -> None:
    with pytest.raises(SpanUnknownError, match="'north' of run r is no day"):
        span_of_run(plan_with("@daily"), run(partition_key="north"))


def test_without_a_schedule_the_day_must_be_given() -> None:
    with pytest.raises(SpanUnknownError, match="no known day"):
        span_of_run(plan_with(None), run(run_after=moment("2026-01-01")))


def test_no_schedule_no_timetable() -> None:
    assert timetable(None) is None


def waiting_for(*triggers: ArtifactTrigger) -> Plan:
    return plan_with(None).model_copy(update={"triggers": triggers})


def test_artifacts_of_spans_start_a_run_for_each_span() -> None:
    one = ArtifactTrigger(pipeline="other", node="make", port="it")
    made = schedule_of(waiting_for(one))
    assert isinstance(made, PartitionedAssetTimetable)
    both = schedule_of(waiting_for(one, one.model_copy(update={"port": "that"})))
    assert [named.name for named in both.asset_condition.objects] == ["other.make.it", "other.make.that"]  # type: ignore[union-attr]


def test_artifacts_of_no_span_start_a_run_when_they_are_new() -> None:
    (named,) = schedule_of(waiting_for(ArtifactTrigger(pipeline="o", node="n", port="p", spans=False)))  # type: ignore[misc]
    assert named.name == "o.n.p"


def test_a_run_started_by_an_artifact_is_of_its_span() -> None:
    plan = waiting_for(ArtifactTrigger(pipeline="other", node="make", port="it"))
    assert span_of_run(plan, run(partition_key="2026-05-05", run_after=moment("2026-06-01"))) == "2026-05-05"
    with pytest.raises(SpanUnknownError, match="no known day"):
        span_of_run(plan, run(run_after=moment("2026-06-01")))
