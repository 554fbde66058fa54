"""What a file, a span or an artifact reached."""

import hashlib
from typing import Any

import pytest

from pipeline_lib.errors import LineageQueryError, UnknownSubjectError
from pipeline_lib.lineage import impact
from unit.lineage.conftest import Audited
from unit.lineage.queries.test_subjects import INJECTIONS

ONE = hashlib.sha256(b"1\n").hexdigest()
TWO = hashlib.sha256(b"2\n").hexdigest()


@pytest.mark.parametrize(
    ("subject", "pushed"),
    [
        pytest.param("file:one.csv", [True, False, True], id="name"),
        pytest.param(f"file:{ONE}", [True, False, True], id="hash"),
        pytest.param(ONE[:8].upper(), [True, False, True], id="short-hash"),
        pytest.param("file:it's 2%.csv", [True], id="name-with-signs"),
        pytest.param(TWO, [True], id="other-hash"),
        pytest.param("span:2013-06-01", [True, False, True], id="day"),
        pytest.param("span:15858", [True], id="span"),
        pytest.param("column:row", [True, False, True], id="column"),
        pytest.param("column:it's a column", [True, False, True], id="column-with-signs"),
    ],
)
def test_models_reached_and_whether_they_were_pushed(
    audited: Audited, subject: str, pushed: list[bool]
) -> None:
    found = impact(audited.store, subject)
    assert [reached.pushed for reached in found.models] == pushed
    assert [reached.live_on for reached in found.models][-1] == ("/served/toy",)
    assert sum(map(bool, (reached.live_on for reached in found.models))) == 1


@pytest.mark.parametrize("text", [*INJECTIONS, "one", "o_e.csv", "%.csv", ONE[:7]])
def test_a_file_is_compared_exactly(audited: Audited, text: str) -> None:
    with pytest.raises(UnknownSubjectError, match="no execution read a file"):
        impact(audited.store, f"file:{text}")


@pytest.mark.parametrize("text", [*INJECTIONS, "ro", "row "])
def test_a_column_is_compared_exactly(audited: Audited, text: str) -> None:
    with pytest.raises(UnknownSubjectError, match="no column"):
        impact(audited.store, f"column:{text}")


@pytest.mark.parametrize("text", [*INJECTIONS, "2013-13-01"])
def test_what_is_no_span_is_refused(audited: Audited, text: str) -> None:
    with pytest.raises(LineageQueryError, match="is no span"):
        impact(audited.store, f"span:{text}")


@pytest.mark.parametrize("subject", ["span:3", f"span:{'9' * 30}", "artifact:4711"])
def test_what_is_not_there_is_told(audited: Audited, subject: str) -> None:
    with pytest.raises(UnknownSubjectError, match=r"no examples of span|there is no artifact"):
        impact(audited.store, subject)


@pytest.mark.parametrize("subject", ["", " ", "file:", "artifact:x"])
def test_a_question_about_nothing_is_refused(audited: Audited, subject: str) -> None:
    with pytest.raises(LineageQueryError, match=r"nothing|no artifact's id"):
        impact(audited.store, subject)


def test_the_questions_asked_do_not_grow_with_the_models(audited: Audited, counting: Any) -> None:
    impact(counting, "file:one.csv")
    # The file's executions; examples, models, blessings and pushes; what the one target serves now.
    assert counting.calls["marked"] == 2
    assert counting.calls["consumers"] <= 5
    assert sum(counting.calls.values()) <= 7
    assert audited.store is not None
