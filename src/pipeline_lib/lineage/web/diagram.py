"""A lineage or a run as a diagram of cards: what ran, and below it what it made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline_lib.lineage.drawing.layout import Spacing, lay_out
from pipeline_lib.lineage.queries.graph import Lineage
from pipeline_lib.lineage.web.presentation import query_of, state_of, took
from pipeline_lib.metadata.records import StoredArtifact, StoredExecution
from pipeline_lib.wording import span_text

_HEAD, _ROW, _FOOT = 44.0, 20.0, 6.0
_MARGIN = 6.0
_PAGE = 960.0
_SPACING = Spacing(width=182.0, column_gap=34.0)
# Room for a text on a card, px, and the largest font size in it.
_ROOM, _FONT = _SPACING.width - 25 - 6, 12.5
# Widths of signs in a bold and wide font (DejaVu Sans), in parts of its size.
_NARROW, _SLIM, _WIDE = (
    dict.fromkeys("ijlI.,:;!|'", 0.38),
    dict.fromkeys("frtcs_-()[]/ ", 0.55),
    dict.fromkeys("mwMW@%", 1.05),
)
_WIDTHS = {**_NARROW, **_SLIM, **_WIDE}
_ASCII, _OTHER = 0.72, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One output on a card.

    Attributes:
        href: Of its page, below the application's root.
        marked: Whether the diagram is about it.
    """

    text: str
    href: str
    title: str
    y: float
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What ran: one execution, or all of a node's in the diagram."""

    title: str
    note: str
    state: str
    href: str
    x: float
    y: float
    width: float
    height: float
    rows: tuple[Row, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """A picture, in pixels.

    Attributes:
        lines: SVG path data.
    """

    width: float
    height: float
    cards: tuple[Card, ...]
    lines: tuple[str, ...]

    @property
    def fit(self) -> str:
        """How the style sheet fits it to a page: as it is, shrunk (to two thirds at most), or scrolled."""
        return "" if self.width <= _PAGE else "shrunk" if self.width <= 1.6 * _PAGE else "scrolled"


@dataclass(frozen=True, slots=True)
class _Box:
    executions: tuple[StoredExecution, ...]
    ports: Mapping[str, tuple[StoredArtifact, ...]]

    @property
    def height(self) -> float:
        return _HEAD + _ROW * len(self.ports) + (_FOOT if self.ports else 0)


def diagram_of(executions: Sequence[StoredExecution], *, marked: Iterable[int] = ()) -> Diagram:
    """Cards of nodes; the executions of one node (of several spans, say) share a card.

    Args:
        executions: With their ports, oldest first.
        marked: Ids of artifacts to point out.
    """
    boxes = _boxes(executions)
    uses = _uses(boxes)
    heights = {name: box.height for name, box in boxes.items()}
    layout = lay_out(heights, [(a, b) for a, _, b in uses], spacing=_SPACING)
    corners = {name: (x + _MARGIN, y + _MARGIN) for name, (x, y) in layout.corners.items()}
    chosen = frozenset(marked)
    return Diagram(
        width=layout.width + 2 * _MARGIN,
        height=layout.height + 2 * _MARGIN,
        cards=tuple(_card(name, box, corners[name], chosen) for name, box in boxes.items()),
        lines=tuple(
            _line(
                _port_end(corners[source], boxes[source], port),
                [(x + _MARGIN, y + _MARGIN) for x, y in layout.bends.get((source, target), ())],
                (corners[target][0], corners[target][1] + _HEAD / 2),
            )
            for source, port, target in uses
        ),
    )


def diagram_of_lineage(lineage: Lineage) -> Diagram:
    """The diagram of a walk, its starts pointed out."""
    return diagram_of(lineage.executions, marked=[artifact.id for artifact in lineage.starts])


def _uses(boxes: Mapping[str, _Box]) -> list[tuple[str, str, str]]:
    """From which port of which card to which card: the maker's, or that of a resolver that chose it.

    A resolver's list goes where the same list is read; its single choice may as well come from its maker.
    """
    makers: dict[int, tuple[str, str]] = {}
    lists: dict[tuple[int, ...], tuple[str, str]] = {}
    for name, box in boxes.items():
        for port, artifacts in box.ports.items():
            ids = tuple(sorted(artifact.id for artifact in artifacts))
            chosen = any(f"{artifact.pipeline}.{artifact.node}" != name for artifact in artifacts)
            if chosen and len(ids) > 1:
                lists.setdefault(ids, (name, port))
            for artifact in artifacts:
                if not chosen or artifact.id not in makers:
                    makers[artifact.id] = (name, port)
    found: dict[tuple[str, str, str], None] = {}
    for name, box in boxes.items():
        for read in [read for execution in box.executions for read in execution.inputs.values()]:
            whole = lists.get(tuple(sorted(artifact.id for artifact in read)))
            sources = (
                [whole] if whole else [makers[artifact.id] for artifact in read if artifact.id in makers]
            )
            found |= {(*source, name): None for source in sources if source[0] != name}
    return list(found)


def _boxes(executions: Sequence[StoredExecution]) -> dict[str, _Box]:
    grouped: dict[str, list[StoredExecution]] = {}
    for execution in executions:
        grouped.setdefault(f"{execution.key.pipeline}.{execution.key.node}", []).append(execution)
    boxes = {}
    for name, group in grouped.items():
        ports: dict[str, dict[int, StoredArtifact]] = {}
        for execution in group:
            for port, artifacts in execution.outputs.items():
                ports.setdefault(port, {}).update((artifact.id, artifact) for artifact in artifacts)
        boxes[name] = _Box(
            tuple(group), {port: tuple(found.values()) for port, found in sorted(ports.items()) if found}
        )
    return boxes


def _card(name: str, box: _Box, corner: tuple[float, float], marked: frozenset[int]) -> Card:
    latest = box.executions[-1]
    several = len(box.executions) > 1
    states = sorted({state_of(execution) for execution in box.executions})
    if several:
        note = f"{len(box.executions)} executions"
    else:
        note = " · ".join(filter(None, (states[0], took(latest))))
    rows = tuple(
        _row(name, port, artifacts, corner[1] + _HEAD + _ROW * place, marked)
        for place, (port, artifacts) in enumerate(box.ports.items())
    )
    return Card(
        title=_fitted(latest.key.node),
        note=note,
        state=states[0] if len(states) == 1 else "mixed",
        href=f"/executions/{latest.id}",
        x=corner[0],
        y=corner[1],
        width=_SPACING.width,
        height=box.height,
        rows=rows,
    )


def _row(name: str, port: str, artifacts: Sequence[StoredArtifact], y: float, marked: frozenset[int]) -> Row:
    first = artifacts[0]
    ids = sorted(artifact.id for artifact in artifacts)
    if len(artifacts) == 1:
        text, href = f"{first.type_name} {first.id}", f"/artifacts/{first.id}"
    else:
        text = f"{len(artifacts)} {first.type_name}"
        query = query_of({"type": first.type_name, "pipeline": first.pipeline, "node": first.node})
        href = f"/artifacts{query}"
    spans = [span for artifact in artifacts if isinstance(span := artifact.properties.get("span"), int)]
    told = f", span {span_text(min(spans))} to {span_text(max(spans))}" if len(set(spans)) > 1 else ""
    told = told or (f", span {span_text(spans[0])}" if spans else "")
    title = f"{name}, output {port}: {first.type_name} {', '.join(map(str, ids[:20]))}{told}"
    return Row(text=_fitted(text), href=href, title=title, y=y, marked=bool(marked & set(ids)))


def _port_end(corner: tuple[float, float], box: _Box, port: str) -> tuple[float, float]:
    place = list(box.ports).index(port)
    return corner[0] + _SPACING.width, corner[1] + _HEAD + _ROW * (place + 0.5)


def _line(start: tuple[float, float], bends: Sequence[tuple[float, float]], end: tuple[float, float]) -> str:
    points = [start, *bends, end]
    parts = [f"M{start[0]:.1f} {start[1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        parts.append(f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)


def _fitted(text: str) -> str:
    """As much of a text as stays on the card in a wide font; all of it is in the title."""
    room, width, kept = _ROOM / _FONT, 0.0, 0
    for place, sign in enumerate(text, start=1):
        width += _WIDTHS.get(sign, _ASCII if sign.isascii() else _OTHER)
        if width > room:
            return f"{text[:kept]}…"
        if width + _OTHER <= room:
            kept = place
    return text
