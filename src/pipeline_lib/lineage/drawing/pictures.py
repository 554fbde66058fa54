"""A lineage as a picture: DOT text, or SVG that needs no other program."""

from html import escape
from itertools import pairwise

from pipeline_lib.lineage.drawing.layout import Spacing, lay_out
from pipeline_lib.lineage.drawing.texts import execution_label, label, printable
from pipeline_lib.lineage.queries.graph import Lineage, inputs_of, outputs_of

_SPACING = Spacing(width=230.0, column_gap=46.0, row_gap=14.0)
_HEIGHT = 40.0
_MARGIN = 12.0
_SIGNS = 36
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1c2330}.soft{fill:#5b6678;font-size:11px}"
    ".made{fill:#eef3fc;stroke:#2456b8}.done{fill:#fff;stroke:#8a94a6}.gone{stroke-dasharray:4 3}"
    ".line{fill:none;stroke:#8a94a6}"
)


def dot(lineage: Lineage) -> str:
    """A directed graph in Graphviz's language; names are quoted, so that none is read as syntax."""
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [fontname="sans-serif", shape=box];']
    lines += [
        f'  a{artifact.id} [label="{_quoted(label(artifact))}", style=filled, fillcolor="#eef3fc"];'
        for artifact in lineage.artifacts
    ]
    for execution in lineage.executions:
        lines.append(f'  e{execution.id} [label="{_quoted(execution_label(execution))}", style=rounded];')
    lines += [f"  {source} -> {target};" for source, target in _edges(lineage)]
    return "\n".join([*lines, "}"]) + "\n"


def svg(lineage: Lineage) -> str:
    """A picture from sources to models, left to right; every name is escaped."""
    texts = {f"a{one.id}": label(one) for one in lineage.artifacts}
    texts |= {f"e{one.id}": execution_label(one) for one in lineage.executions}
    gone = {f"a{one.id}" for one in lineage.artifacts if one.state != "LIVE"}
    edges = _edges(lineage)
    places = lay_out(dict.fromkeys(texts, _HEIGHT), edges, spacing=_SPACING)
    width, height = places.width + 2 * _MARGIN, places.height + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}" role="img"'
        ' aria-label="Lineage, from left to right">',
        f"<style>{_STYLE}</style>",
    ]
    for source, target in edges:
        (x0, y0), (x1, y1) = places.corners[source], places.corners[target]
        points = [(x0 + _SPACING.width, y0 + _HEIGHT / 2), *places.bends.get((source, target), ())]
        points.append((x1, y1 + _HEIGHT / 2))
        parts.append(f'<path class="line" d="{_curve(points)}"/>')
    for name, text in texts.items():
        left, top = places.corners[name]
        kind = ("made" if name.startswith("a") else "done") + (" gone" if name in gone else "")
        radius = 4 if name.startswith("a") else 16
        parts.append(
            f'<g><title>{escape(text)}</title><rect class="{kind}" x="{left:.1f}" y="{top:.1f}"'
            f' width="{_SPACING.width:.0f}" height="{_HEIGHT:.0f}" rx="{radius}"/>'
            f"{_words(text, left, top)}</g>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _words(text: str, left: float, top: float) -> str:
    """The first part of a label, and the rest in a second line."""
    first, _, rest = text.partition("  ")
    shown = [(first, "", 17.0), (rest, ' class="soft"', 32.0)] if rest else [(first, "", 25.0)]
    return "".join(
        f'<text{kind} x="{left + 10:.1f}" y="{top + down:.1f}">{escape(_cut(line))}</text>'
        for line, kind, down in shown
    )


def _cut(text: str) -> str:
    return text if len(text) <= _SIGNS else f"{text[: _SIGNS - 1]}…"


def _curve(points: list[tuple[float, float]]) -> str:
    """A line that leaves and enters horizontally."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        parts.append(f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)


def _edges(lineage: Lineage) -> list[tuple[str, str]]:
    known = {artifact.id for artifact in lineage.artifacts}
    found: dict[tuple[str, str], None] = {}
    for execution in lineage.executions:
        found |= {(f"a{a.id}", f"e{execution.id}"): None for a in inputs_of(execution) if a.id in known}
        found |= {(f"e{execution.id}", f"a{a.id}"): None for a in outputs_of(execution) if a.id in known}
    return list(found)


def _quoted(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
