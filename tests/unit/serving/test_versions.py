"""Which versions of those on a base path are served."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_lib.serving.versions import All, Latest, Specific, VersionPolicy, versions_in


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Latest(), [10]),
        (Latest(2), [9, 10]),
        (Latest(9), [1, 9, 10]),
        (Specific((9, 1)), [1, 9]),
        (Specific((9, 7)), [9]),
        (All(), [1, 9, 10]),
    ],
    ids=repr,
)
def test_policies_choose_by_number(policy: VersionPolicy, expected: list[int]) -> None:
    assert policy.choose({10, 9, 1}) == expected
    assert policy.choose(()) == []


@given(
    st.sets(st.integers(1, 50)),
    st.builds(Latest, st.integers(1, 5))
    | st.builds(Specific, st.tuples(st.integers(1, 50)))
    | st.just(All()),
)
def test_only_what_is_there_is_chosen_and_in_order(there: set[int], policy: VersionPolicy) -> None:
    chosen = policy.choose(there)
    assert chosen == sorted(set(chosen) & there)


def test_a_version_counts_once_its_model_is_there(tmp_path: Path) -> None:
    base = tmp_path / "base"
    for name in ("2", "10", ".incoming-11", "stable", "-3", "1.5"):
        (base / name).mkdir(parents=True)
        (base / name / "saved_model.pb").touch()
    (base / "12").mkdir()  # still being copied
    (base / "7").mkdir()
    (base / "7/saved_model.pbtxt").touch()
    (base / "13").touch()
    assert versions_in(str(base)) == [2, 7, 10]
    assert versions_in(str(tmp_path / "nowhere")) == []
