"""Pages and their cursors."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.errors import LineageQueryError
from pipeline_lib.lineage.queries.paging import PageRequest, cursor_for, place_of


@pytest.mark.parametrize("size", [0, -1, 501, 10**9])
def test_a_page_has_a_size_within_bounds(size: int) -> None:
    with pytest.raises(LineageQueryError, match="no such size"):
        PageRequest(size=size)


def test_a_cursor_comes_back_to_its_place() -> None:
    cursor = cursor_for(["timeline", "/served/x"], {"before": 17})
    assert place_of(["timeline", "/served/x"], PageRequest(cursor=cursor)) == {"before": 17}


def test_a_cursor_of_another_question_is_refused() -> None:
    cursor = cursor_for(["timeline", "/served/x"], {"before": 17})
    with pytest.raises(LineageQueryError, match="does not belong"):
        place_of(["timeline", "/served/y"], PageRequest(cursor=cursor))


@pytest.mark.parametrize("before", [0, -1, 2**63, "1", True, 1.5, None])
def test_a_forged_place_is_refused(before: object) -> None:
    cursor = cursor_for("q", {"before": before})
    with pytest.raises(LineageQueryError, match="is damaged"):
        place_of("q", PageRequest(cursor=cursor))


@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(LineageQueryError, match=r"does not belong|is damaged"):
        place_of("q", PageRequest(cursor=text))


def test_deeply_nested_json_is_refused() -> None:
    cursor = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(LineageQueryError, match="does not belong"):
        place_of("q", PageRequest(cursor=cursor))
