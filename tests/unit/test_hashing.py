"""The one encoding and digest."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.hashing import canonical_json, digest, file_digest, why_not_plain

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param({"a": "bc"}, {"ab": "c"}, id="moved-boundary"),
        pytest.param(["1", "1"], ["1s1"], id="tag-inside-text"),
        pytest.param(1, True, id="int-or-bool"),
        pytest.param(1, 1.0, id="int-or-float"),
        pytest.param(None, "null", id="none-or-text"),
        pytest.param([1, 2], [2, 1], id="order-of-a-list"),
    ],
)
def test_lookalikes_get_different_digests(a: Any, b: Any) -> None:
    assert digest("t", a) != digest("t", b)


def test_kinds_do_not_share_digests() -> None:
    assert digest("plan", {}) != digest("artifact", {})


def test_digest_is_pinned() -> None:
    assert digest("pin", {"b": [1, "x"], "a": None}) == (
        hashlib.sha256(b'pin\0{"a":null,"b":[1,"x"]}').hexdigest()
    )


@given(PLAIN)
def test_key_order_does_not_matter(value: Any) -> None:
    def reversed_keys(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: reversed_keys(item[key]) for key in reversed(list(item))}
        return [reversed_keys(part) for part in item] if isinstance(item, list) else item

    assert canonical_json(reversed_keys(value)) == canonical_json(value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_not_a_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json([bad])


def test_keys_that_json_would_merge_are_refused() -> None:
    with pytest.raises(TypeError, match="string keys, not 1"):
        canonical_json({"a": {1: "x", "1": "y"}})


@pytest.mark.parametrize(
    ("value", "needs"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, None),
        ({"a": [float("nan")]}, "finite"),
        ("\udcff", "Unicode"),
        ({1: 2}, "string keys, not 1"),
        ([{1, 2}], "set"),
    ],
)
def test_why_a_value_has_no_canonical_text_is_told(value: Any, needs: str | None) -> None:
    found = why_not_plain(value)
    assert found is None if needs is None else needs in (found or "")


def test_file_digest_is_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * 3_000_000)
    assert file_digest(file) == hashlib.sha256(b"x" * 3_000_000).hexdigest()
