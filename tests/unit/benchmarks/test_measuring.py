"""The report itself: what stays on the page when only a part is measured."""

import pytest

from benchmarks.measuring import SCALE_COMMAND, Comparison, Report

SCALE = f"Scale (`{SCALE_COMMAND}`)"


def report(*headings: str, ours: float = 1.0) -> Report:
    made = Report()
    for heading in headings:
        made.add(heading, Comparison(what=heading, beside="x", ours=[ours], other=[2.0], at_most=1.0))
    return made


def headings(page: str) -> list[str]:
    return [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        pytest.param(["New"], ["New", SCALE], id="all-but-scale"),
        pytest.param([SCALE], ["Old", SCALE], id="scale-alone"),
        pytest.param(["New", SCALE], ["New", SCALE], id="all"),
    ],
)
def test_what_is_not_measured_stays_or_goes(measured: list[str], expected: list[str]) -> None:
    before = report("Old").markdown(quick=False)
    before = report(SCALE).markdown(quick=False, before=before)
    assert headings(before) == ["Old", SCALE]
    page = report(*measured, ours=7.0).markdown(quick=False, before=before)
    assert sorted(headings(page)) == sorted(expected)
    assert page.count("7.00 s") == len(measured)
    assert page.count("# Benchmarks") == 1


@pytest.mark.parametrize(
    ("goal", "ratio", "reached"),
    [
        pytest.param({"at_most": 0.5}, 0.5, True, id="at-most"),
        pytest.param({"at_most": 0.4}, 0.5, False, id="over"),
        pytest.param({"at_least": 2.0}, 2.0, True, id="times-ahead-in-seconds"),
        pytest.param({"at_least": 0.6, "unit": "rows/s"}, 0.5, False, id="times-ahead-as-a-rate"),
    ],
)
def test_a_goal_is_judged_by_medians(goal: dict[str, float], ratio: float, reached: bool) -> None:
    comparison = Comparison(what="w", beside="b", ours=[1.0, 9.0, 2.0], other=[4.0], **goal)  # type: ignore[arg-type]
    assert (comparison.ratio, comparison.reached) == (ratio, reached)
