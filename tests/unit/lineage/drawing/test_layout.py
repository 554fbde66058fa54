"""Boxes of a diagram: in order, apart, and always the same."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_lib.lineage.drawing.layout import Spacing, lay_out

SPACING = Spacing(width=100, column_gap=50, row_gap=10)


def columns(heights: dict[str, float], edges: list[tuple[str, str]]) -> dict[str, int]:
    found = lay_out(heights, edges, spacing=SPACING)
    return {name: round(x / 150) for name, (x, _) in found.corners.items()}


def test_what_is_needed_stands_left_of_what_needs_it() -> None:
    edges = [("ingest", "train"), ("schema", "train"), ("ingest", "statistics"), ("train", "push")]
    names = dict.fromkeys(["ingest", "schema", "statistics", "train", "push"], 40.0)
    found = columns(names, edges)
    assert found["ingest"] < found["train"] < found["push"]


def test_a_source_stands_right_before_what_needs_it_first() -> None:
    edges = [("a", "b"), ("b", "c"), ("late", "c")]
    assert columns(dict.fromkeys(["a", "b", "c", "late"], 40.0), edges)["late"] == 1


def test_a_long_line_bends_around_the_columns_it_passes() -> None:
    found = lay_out(dict.fromkeys("abc", 40.0), [("a", "b"), ("b", "c"), ("a", "c")], spacing=SPACING)
    assert len(found.bends["a", "c"]) == 2
    assert found.bends["a", "b"] == ()


def test_neighbours_are_not_crossed_without_need() -> None:
    edges = [("a1", "b1"), ("a2", "b2"), ("a3", "b3")]
    found = lay_out(dict.fromkeys(["a1", "a2", "a3", "b3", "b2", "b1"], 40.0), edges, spacing=SPACING)
    tops = [found.corners[name][1] for name in ("b1", "b2", "b3")]
    assert tops == sorted(tops) or tops == sorted(tops, reverse=True)


@pytest.mark.parametrize(
    "edges", [[("a", "b"), ("b", "a")], [("a", "b"), ("b", "c"), ("c", "a")], [("a", "a")]]
)
def test_a_cycle_is_drawn_all_the_same(edges: list[tuple[str, str]]) -> None:
    assert set(lay_out(dict.fromkeys("abc", 40.0), edges).corners) == {"a", "b", "c"}


def test_nothing_makes_an_empty_picture() -> None:
    assert lay_out({}, []).corners == {}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, float], list[tuple[str, str]]]:
    names = [f"n{number}" for number in range(draw(st.integers(1, 12)))]
    heights = {name: draw(st.sampled_from([40.0, 64.0, 90.0])) for name in names}
    return heights, draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=25))


@settings(deadline=None)
@given(graphs())
def test_boxes_never_overlap_and_stay_in_the_picture(
    graph: tuple[dict[str, float], list[tuple[str, str]]],
) -> None:
    heights, edges = graph
    found = lay_out(heights, edges, spacing=SPACING)
    boxes = {name: (*corner, heights[name]) for name, corner in found.corners.items()}
    for (x1, y1, h1), (x2, y2, h2) in combinations(boxes.values(), 2):
        apart = y1 + h1 <= y2 + 1e-6 or y2 + h2 <= y1 + 1e-6
        assert x1 != x2 or apart
    for x, y, height in boxes.values():
        assert x >= -1e-6
        assert y >= -1e-6
        assert x + SPACING.width <= found.width + 1e-6
        assert y + height <= found.height + 1e-6
    assert lay_out(heights, edges, spacing=SPACING) == found
