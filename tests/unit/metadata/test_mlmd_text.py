import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.metadata.mlmd_text import given_text, is_plain, quoted, stored_text, text_digest

TRICKY = st.text() | st.text("\\%25C0\0ax'\"`")


@given(TRICKY)
def test_text_survives_storing(text: str) -> None:
    assert given_text(stored_text(text)) == text


@given(TRICKY)
def test_stored_text_holds_nothing_that_a_backend_refuses(text: str) -> None:
    assert not re.search(r"[\\\0]", stored_text(text))


@given(st.text("abcXYZ019 _./:'\"\n%é"))
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert stored_text(text) == text or "%5C" in text or "%00" in text


@pytest.mark.parametrize(
    ("text", "stored"),
    [(r"C:\data", "C:%5Cdata"), ("%5C", "%255C"), ("%255C", "%25255C"), ("a\0b", "a%00b"), ("%20", "%20")],
)
def test_the_stored_form_is_pinned(text: str, stored: str) -> None:
    assert stored_text(text) == stored


@pytest.mark.parametrize("text", ["it's", '"', "`", "\\", "\n", "\0", "é", "x" * 201])
def test_what_a_filter_may_misread_never_gets_into_one(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a filter"):
        quoted(text)


@given(st.text())
def test_a_literal_is_one_literal(text: str) -> None:
    if is_plain(text):
        assert re.fullmatch(r"'[^'\"\\`\x00-\x1f]*'", quoted(text))


@given(st.text())
def test_a_digest_can_be_part_of_a_filter(text: str) -> None:
    assert is_plain(text_digest(text))
