"""When a DAG runs, and which day (span) a run is of.

A bare cron string makes intervals of no length in Airflow 3, whose start is the night of the run and not the
day that the run is about. So we name the timetable, and read the day from the interval alone: the logical
date is its start for scheduled runs and its end for some manual ones.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import (
    AssetAll,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    PartitionedAssetTimetable,
)
from airflow.sdk.bases.timetable import BaseTimetable
from airflow.sdk.definitions.asset import AssetNameRef

from pipeline_lib.airflow.assets import trigger_asset
from pipeline_lib.errors import SpanUnknownError
from pipeline_lib.plan.models import Plan

_PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
_TIMEZONE = "UTC"


def schedule_of(plan: Plan) -> BaseTimetable | list[AssetNameRef] | None:
    """What makes the DAG run: time, artifacts of other pipelines, or nobody but people.

    Artifacts that are of spans come as partitions of their assets: one run for each span.
    """
    assets = [trigger_asset(trigger) for trigger in plan.triggers]
    if not assets:
        return timetable(plan.schedule)
    if all(trigger.spans for trigger in plan.triggers):
        return PartitionedAssetTimetable(assets=assets[0] if len(assets) == 1 else AssetAll(*assets))
    return assets


def timetable(schedule: str | None) -> BaseTimetable | None:
    """The timetable of a plan's schedule, in UTC.

    Every day, or several times a day: the interval lies between two ticks. More rarely: it is the day before
    the tick, so that a weekly run on Monday is about Sunday.
    """
    if schedule is None:
        return None
    cron = _PRESETS.get(schedule, schedule)
    if _every_day(cron):
        return CronDataIntervalTimetable(cron, timezone=_TIMEZONE)
    return CronTriggerTimetable(cron, timezone=_TIMEZONE, interval=timedelta(days=1))


def span_of_run(plan: Plan, context: Mapping[str, Any]) -> str:
    """ISO date of the day a DAG run is of, when nobody gave one.

    A partition's key counts first, then the start of the interval; a run without either (triggered by REST
    with no logical date) gets the last interval that was complete when it was asked for.

    Raises:
        SpanUnknownError: The pipeline has no schedule, or the key is no date.
    """
    run = context["dag_run"]
    if key := getattr(run, "partition_key", None):
        try:
            return datetime.fromisoformat(key).date().isoformat()
        except ValueError as error:
            raise SpanUnknownError(
                f"the partition key {key!r} of run {run.run_id} is no day",
                needs="2026-01-31",
                fix="use key_format='%Y-%m-%d', or give the day",
            ) from error
    start = run.data_interval_start
    if start is None and plan.schedule is not None:
        start = _last_interval_start(plan.schedule, run.run_after)
    if start is None or plan.schedule is None:
        raise SpanUnknownError(
            f"run {run.run_id} of {plan.name} is of no known day",
            needs=plan.span_parameter,
            fix=f'trigger it with {{"{plan.span_parameter}": "2026-01-31"}}',
        )
    return str(start.date().isoformat())


def _last_interval_start(schedule: str, moment: datetime) -> datetime:
    from airflow.sdk.timezone import coerce_datetime
    from airflow.timetables.interval import CronDataIntervalTimetable as Intervals

    cron = _PRESETS.get(schedule, schedule)
    if not _every_day(cron):
        return moment - timedelta(days=1)
    return Intervals(cron, _TIMEZONE).infer_manual_data_interval(run_after=coerce_datetime(moment)).start


def _every_day(cron: str) -> bool:
    return cron.split()[2:5] == ["*", "*", "*"]
