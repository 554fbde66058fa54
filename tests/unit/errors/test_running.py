"""Errors of running: which of them another try may mend, and what waiting needs to know."""

import pytest

from pipeline_lib.errors import ApprovalRefusedError, CodeChangedError, DataMissingError
from pipeline_lib.errors.running import ApprovalNeededError


@pytest.mark.parametrize("error", [ApprovalNeededError, ApprovalRefusedError])
def test_nobody_is_asked_twice(error: type[Exception]) -> None:
    assert error.retryable is False  # type: ignore[attr-defined]


def test_an_edited_file_may_be_tried_again() -> None:
    assert CodeChangedError("x", fix="y").retryable


def test_missing_data_says_how_long_to_wait_and_for_what() -> None:
    missing = DataMissingError(
        "no files",
        fix="wait",
        at="s3://b/1",
        wait_seconds=60,
        awaits=["s3://b/1/*.csv"],
        nearest="2013-06-01",
    )
    assert (missing.wait_seconds, missing.poll_seconds, missing.awaits) == (60, 10.0, ("s3://b/1/*.csv",))
    assert "nearest: 2013-06-01" in str(missing)
    assert DataMissingError("no files", fix="look").wait_seconds == 0
