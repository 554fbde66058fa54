"""The page of `validate_examples`."""

# ruff: noqa: E501  (lines of HTML)

from collections.abc import Sequence

from pipeline_components.page import render
from pipeline_components.validate._findings import Distance, Finding
from pipeline_lib.wording import span_text

_BODY = """
<h1>{{ title }}</h1><p class="soft">span {{ span }}</p>
<div class="card"><p>{% if failed %}<b class="bad">{{ failed }} anomal{{ "y" if failed == 1 else "ies" }}</b>
{%- elif found %}<b class="warn">only waived anomalies</b>{% else %}<b class="good">no anomalies</b>{% endif %}</p>
{% for note in notes %}<p class="soft">{{ note }}</p>{% endfor %}</div>
{% if found %}<div class="card"><table>
<tr><th>split</th><th>feature</th><th>anomaly</th><th>what was seen</th><th></th></tr>
{% for f in found %}<tr><td>{{ f.split }}</td><td class="wide">{{ f.feature }}</td>
<td>{{ f.summary }}<br><span class="soft">{{ f.kind }}</span></td><td class="wide">{{ f.description }}</td>
<td>{% if f.waived %}<span class="tag">waived</span>{% else %}<span class="bad">anomaly</span>{% endif %}</td></tr>
{% endfor %}</table></div>{% endif %}
{% if measured %}<div class="card"><h2>Distances</h2><table>
<tr><th>split</th><th>feature</th><th>compared with</th><th>measure</th><th class="number">distance</th>
<th class="number">allowed</th><th></th></tr>
{% for m in measured %}{% set over = m.value > m.threshold %}<tr class="{{ 'c1' if over else 'c2' }}"><td>{{ m.split }}</td>
<td class="wide">{{ m.feature }}</td><td>{{ "an earlier span" if m.comparison == "drift" else "serving data" }}</td>
<td>{{ m.measure }}</td><td class="number{% if over %} bad{% endif %}">{{ "%.4f" | format(m.value) }}</td>
<td class="number">{{ "%.4g" | format(m.threshold) }}</td><td><svg width="120" height="14" role="img" aria-label="distance of {{ m.feature }}">
<rect x="0" y="4" width="{{ (120 * m.value) | round(1) }}" height="6" fill="currentColor"/>
<rect x="{{ (118 * m.threshold) | round(1) }}" y="0" width="2" height="14" fill="var(--ink)"/></svg></td></tr>
{% endfor %}</table></div>{% endif %}
"""


def anomalies_page(
    found: Sequence[Finding], measured: Sequence[Distance], *, span: int, notes: Sequence[str]
) -> str:
    """The page.

    Args:
        found: Every anomaly, waived ones too.
        measured: Every distance that TFDV reports.
        span: Of the examples.
        notes: What was not judged, or waived in vain.
    """
    failed = sum(not finding.waived for finding in found)
    return render(
        _BODY,
        title="Validation",
        span=span_text(span),
        found=found,
        measured=measured,
        notes=notes,
        failed=failed,
    )
