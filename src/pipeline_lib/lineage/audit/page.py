"""An audit report as one page of HTML: no network, no script, printable."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Template

from pipeline_lib.hashing import canonical_json
from pipeline_lib.lineage.models.verdicts import slice_in_words
from pipeline_lib.lineage.templates import environment_of
from pipeline_lib.wording import size


def audit_page(report: Mapping[str, Any]) -> str:
    """The page of a report; every name and value in it is escaped."""
    content = canonical_json(dict(report)).encode()
    return _template().render(report=report, sha256=hashlib.sha256(content).hexdigest())


@cache
def _template() -> Template:
    environment = environment_of("pipeline_lib.lineage.audit")
    environment.filters |= {
        "short": _short,
        "moment": _moment,
        "told": _told,
        "number": _number,
        "size": size,
        "bound": _bound,
    }
    return environment.get_template("audit.html.j2")


def _short(digest: str) -> str:
    return digest[:16]


def _moment(time: str | None) -> str:
    """`2026-11-21 06:50:03` of an ISO time in UTC."""
    return "" if not time else time[:19].replace("T", " ")


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _told(value)


def _told(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    return value if isinstance(value, str) else canonical_json(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _bound(bound: Mapping[str, Any]) -> str:
    """`auc at least 0.6: missed` of a bound as components record it."""
    name = _told(bound.get("metric", bound.get("name", "")))
    changed = "change of " if bound.get("of") == "difference" else ""
    limits = [
        f"{limit.replace('_', ' ')} {_told(bound[limit])}"
        for limit in sorted(bound)
        if limit not in ("metric", "name", "of", "met", "on", "per_slice")
        and bound[limit] not in (None, "", [], {})
    ]
    for one in _list(bound.get("per_slice")):
        named = isinstance(one, Mapping)
        limits.append(_bound({**one, "name": f"on {slice_in_words(one.get('on'))}"}) if named else _told(one))
    met = {True: ": met", False: ": missed"}.get(bound["met"], ": no value") if "met" in bound else ""
    return f"{changed}{name} {', '.join(limits)}{met}"
