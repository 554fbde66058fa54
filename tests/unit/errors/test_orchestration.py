"""Errors of pipelines in Airflow: what a task's log shows of one."""

from pipeline_lib.errors import SpanUnknownError


def test_the_message_says_what_to_trigger_with() -> None:
    error = SpanUnknownError("run r of p is of no known day", needs="day", fix="trigger it with a day")
    assert str(error) == (
        "[PL702] run r of p is of no known day\n  needs: day\n  fix:   trigger it with a day"
    )
