"""Where the boxes of a graph stand: in columns, each right of what it needs, few lines crossing.

Source:
    K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical System Structures",
    IEEE Trans. Systems, Man, and Cybernetics 11(2), 1981: layers, order by barycentre, then coordinates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

_SWEEPS = 8
_BEND = "\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacing:
    """Distances in pixels.

    Attributes:
        width: Of every box.
        column_gap: Between columns.
        row_gap: Between boxes of a column.
        bend_height: Room that a line takes where it passes a column.
    """

    width: float = 164.0
    column_gap: float = 40.0
    row_gap: float = 16.0
    bend_height: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Places of boxes and lines, in pixels from the top left.

    Attributes:
        corners: Left and top of each box.
        bends: Points between two boxes, by edge; none where they are neighbours.
    """

    width: float
    height: float
    corners: Mapping[str, tuple[float, float]]
    bends: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]


def lay_out(
    heights: Mapping[str, float], edges: Iterable[tuple[str, str]], *, spacing: Spacing | None = None
) -> Layout:
    """Place boxes; the same graph gives the same picture.

    Args:
        heights: Of each box, px, by its name, in the order preferred where the edges leave a choice.
        edges: From source to target, both in `heights`; those that close a cycle place nothing.
        spacing: Widths and gaps.
    """
    spacing = spacing or Spacing()
    wanted = sorted({(a, b) for a, b in edges if a != b}, key=_by_place(heights))
    forward = _without_cycles(heights, wanted)
    column = _columns(heights, forward)
    chains = {edge: _chain(edge, column) for edge in forward}
    sizes = {**heights, **{name: spacing.bend_height for chain in chains.values() for name in chain[1:-1]}}
    places = {**column, **{n: column[e[0]] + i for e, chain in chains.items() for i, n in enumerate(chain)}}
    steps = [pair for chain in chains.values() for pair in pairwise(chain)]
    columns = _ordered(sizes, places, steps)
    middle = _heights(columns, sizes, steps, spacing)
    left = {name: places[name] * (spacing.width + spacing.column_gap) for name in sizes}
    top = min((middle[name] - sizes[name] / 2 for name in sizes), default=0.0)
    bottom = max((middle[name] + sizes[name] / 2 for name in sizes), default=0.0)
    return Layout(
        width=max(left.values(), default=0.0) + spacing.width,
        height=bottom - top,
        corners={name: (left[name], middle[name] - heights[name] / 2 - top) for name in heights},
        bends={
            edge: tuple(
                (left[name] + dx, middle[name] - top) for name in chain[1:-1] for dx in (0.0, spacing.width)
            )
            for edge, chain in chains.items()
        },
    )


def _by_place(heights: Mapping[str, float]) -> "_Place":
    return _Place({name: place for place, name in enumerate(heights)})


@dataclass(frozen=True, slots=True)
class _Place:
    of: Mapping[str, int]

    def __call__(self, edge: tuple[str, str]) -> tuple[int, int]:
        return self.of[edge[0]], self.of[edge[1]]


def _without_cycles(names: Iterable[str], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The edges but those that lead back to where a depth-first walk came from."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        after[source].append(target)
    kept: list[tuple[str, str]] = []
    done: set[str] = set()
    for start, targets in after.items():
        path, stack = {start}, [(start, iter(targets))]
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None or name in done:
                done.add(name)
                path.discard(name)
                stack.pop()
            elif following not in path:
                kept.append((name, following))
                if following not in done:
                    path.add(following)
                    stack.append((following, iter(after[following])))
    return kept


def _columns(names: Iterable[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way from a source; a source stands right before what needs it first."""
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in before}
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    column: dict[str, int] = {}
    waiting = {name: len(sources) for name, sources in before.items()}
    ready = [name for name, count in waiting.items() if count == 0]
    for name in ready:  # grows while it is read
        column[name] = max((column[source] + 1 for source in before[name]), default=0)
        for target in after[name]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    for name, sources in before.items():
        if not sources and after[name]:
            column[name] = min(column[target] for target in after[name]) - 1
    return column


def _chain(edge: tuple[str, str], column: Mapping[str, int]) -> list[str]:
    """The edge's ends and a bend in each column between them."""
    source, target = edge
    passed = range(column[source] + 1, column[target])
    return [source, *(f"{_BEND}{source}{_BEND}{target}{_BEND}{number}" for number in passed), target]


def _ordered(
    sizes: Mapping[str, float], places: Mapping[str, int], steps: Sequence[tuple[str, str]]
) -> list[list[str]]:
    """Each column from top to bottom, sorted by the mean place of its neighbours, there and back."""
    columns: list[list[str]] = [[] for _ in range(max(places.values(), default=-1) + 1)]
    for name in sizes:
        columns[places[name]].append(name)
    before, after = _neighbours(sizes, steps)
    for sweep in range(_SWEEPS):
        around, order = (before, columns) if sweep % 2 == 0 else (after, columns[::-1])
        rank = {name: place for column in columns for place, name in enumerate(column)}
        for column in order:
            mean = {
                name: fmean(rank[other] for other in around[name]) if around[name] else rank[name]
                for name in column
            }
            column.sort(key=mean.__getitem__)
            rank |= {name: place for place, name in enumerate(column)}
    return columns


def _heights(
    columns: Sequence[Sequence[str]],
    sizes: Mapping[str, float],
    steps: Sequence[tuple[str, str]],
    spacing: Spacing,
) -> dict[str, float]:
    """The middle of each box: near its neighbours' mean, as far as the order and the gaps let it."""
    before, after = _neighbours(sizes, steps)
    middle: dict[str, float] = {}
    for column in columns:
        middle |= _apart([0.0] * len(column), column, sizes, spacing)
    for sweep in range(_SWEEPS):
        around, order = (before, columns) if sweep % 2 == 0 else (after, columns[::-1])
        for column in order:
            wishes = [
                fmean(middle[other] for other in around[name]) if around[name] else middle[name]
                for name in column
            ]
            middle |= _apart(wishes, column, sizes, spacing)
    return middle


def _apart(
    wishes: Sequence[float], column: Sequence[str], sizes: Mapping[str, float], spacing: Spacing
) -> dict[str, float]:
    """Middles in this order, gaps kept: the mean of a push down and of a push up from the wishes."""
    gaps = [(sizes[a] + sizes[b]) / 2 + spacing.row_gap for a, b in pairwise(column)]
    down, up = list(wishes), list(wishes)
    for place, gap in enumerate(gaps):
        down[place + 1] = max(down[place + 1], down[place] + gap)
    for place, gap in reversed(list(enumerate(gaps))):
        up[place] = min(up[place], up[place + 1] - gap)
    return {name: (a + b) / 2 for name, a, b in zip(column, down, up, strict=True)}


def _neighbours(
    names: Iterable[str], steps: Sequence[tuple[str, str]]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in before}
    for source, target in steps:
        before[target].append(source)
        after[source].append(target)
    return before, after
