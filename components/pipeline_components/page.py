"""The frame of our HTML reports: one file, no network, light or dark as the reader's system is."""

# ruff: noqa: E501  (lines of HTML)

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, Template

_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title><style>
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #e2e6ec; --back: #f6f7f9; --card: #fff;
  --c0: #2f6fde; --c1: #d9822b; --c2: #2f9e6e; --c3: #9b51c9; --bad: #c4314b; --warn: #b7791f; --good: #2f8f5b; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240; --back: #12161d;
  --card: #1a2029; --c0: #6ea2ff; --c1: #f0a45d; --c2: #5fcf9b; --c3: #c58df0; --bad: #ff7b8f; --warn: #e8b45a;
  --good: #63d29a; } }
* { box-sizing: border-box } body { margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem); background: var(--back);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif } h1 { margin: 0; font-size: 1.5rem }
h2 { margin: 0 0 .5rem; font-size: 1.02rem; overflow-wrap: anywhere } p { margin: .3rem 0 }
.soft { color: var(--soft) } .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.2rem; margin-top: 1rem; overflow-x: auto } table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: .85rem } th, td { padding: .25rem .8rem .25rem 0;
  vertical-align: top } td { border-top: 1px solid var(--line); font-variant-numeric: tabular-nums }
.number { text-align: right } .c0 { --c: var(--c0) } .c1 { --c: var(--c1) } .c2 { --c: var(--c2) } .c3 { --c: var(--c3) }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; background: var(--c); margin-right: .4em }
.tag { border: 1px solid var(--line); border-radius: 99px; padding: 0 .6em; font-size: .8rem; color: var(--soft) }
.bad { color: var(--bad) } .warn { color: var(--warn) } .good { color: var(--good) } svg { display: block; color: var(--c) }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); gap: 0 1rem }
.wide { overflow-wrap: anywhere } a { color: inherit }
.dense { font-size: .88rem } .dense th { font-size: .8rem } .dense th, .dense td { padding-right: .5rem; white-space: nowrap }
.dense td:last-child, .dense th:last-child { padding-right: 0 }
.pictures { display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin: .6rem 0 } .pictures svg { flex: 1 1 9rem; width: 9rem; height: 3rem }
@media print { body { padding: 0; background: none } .card { break-inside: avoid } .dot, rect { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  :root { color-scheme: light } }
</style></head><body>{% block body %}{% endblock %}</body></html>"""


@cache
def _template(body: str) -> Template:
    # Names and values of the user's data are escaped, wherever they stand.
    frame, end = _FRAME.split("{% block body %}{% endblock %}")
    environment = Environment(loader=BaseLoader(), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"number": number, "percent": percent}
    return environment.from_string(frame + body + end)


def render(body: str, *, title: str, **values: Any) -> str:
    """A page from a Jinja template of its body.

    Args:
        body: Template text; has the filters `number` and `percent`.
        title: Of the page.
        values: What the template names.
    """
    return _template(body).render(title=title, **values)


def number(value: float) -> str:
    """A number for people: four digits that count, thousands grouped."""
    if not math.isfinite(value):
        return str(value)
    if isinstance(value, int) or (abs(value) < 1e15 and float(value).is_integer()):
        return f"{int(value):,}"
    return f"{value:,.2f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(share: float) -> str:
    """A share (0 to 1) in percent; what is not nothing never reads 0 %."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.3g} %"


def bars(counts: Mapping[str, float], *, width: int = 220, height: int = 44) -> list[dict[str, Any]]:
    """Rectangles of a histogram, tallest as high as the picture; small ones stay visible.

    Args:
        counts: By the text that a bar shows when pointed at.
        width: Of the picture, px.
        height: Of the picture, px.
    """
    top = max(counts.values(), default=0.0) or 1.0
    step = width / max(len(counts), 1)
    shapes = []
    for index, (text, count) in enumerate(counts.items()):
        tall = max(1.0, height * count / top) if count else 0.0
        shapes.append(
            {
                "x": round(index * step, 2),
                "y": round(height - tall, 2),
                "w": round(max(step - 1, 0.5), 2),
                "h": round(tall, 2),
                "text": text,
            }
        )
    return shapes
