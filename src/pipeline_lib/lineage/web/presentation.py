"""From records to HTML: the templates, and how values read in them. Everything is escaped."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from markupsafe import Markup, escape

from pipeline_lib.lineage.models.verdicts import slice_in_words
from pipeline_lib.lineage.templates import environment_of
from pipeline_lib.lineage.web.visitor import Visitor
from pipeline_lib.metadata.records import Run, StoredExecution
from pipeline_lib.wording import duration, plain, size, span_text

_DIGITS = 12
_LONG = 160
_SHA256 = 64
_BOUNDS = ("at_least", "at_most", "better_than_baseline_by", "better_than_baseline_by_ratio")


def make_environment() -> Environment:
    """Jinja with our templates; autoescape is on whatever a template is called."""
    environment = environment_of("pipeline_lib.lineage.web")
    environment.filters |= {
        "duration": duration,
        "size": size,
        "plain": plain,
        "span": span_text,
        "moment": moment,
        "digest": short_digest,
        "word": word,
        "pretty": pretty,
        "segment": segment,
        "given": given,
        "place": place,
        "without": without,
        "bounds": bounds_text,
        "slice_bounds": slice_bounds,
        "figure": figure,
        "side": side,
    }
    environment.globals |= {
        "airflow_path": airflow_path,
        "query_of": query_of,
        "run_took": run_took,
        "state_of": state_of,
        "took": took,
    }
    return environment


def page(
    request: Request, template: str, visitor: Visitor, /, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Render a page.

    Args:
        request: Tells the prefix under which the application is mounted.
        template: File in `templates/`.
        visitor: Whose page it is.
        status: Of the answer.
        values: What the template names.
    """
    environment: Environment = request.app.state.environment
    text = environment.get_template(template).render(
        root=request.scope.get("root_path", ""),
        path=request.url.path,
        visitor=visitor,
        query=dict(request.query_params),
        framed=_is_framed(request),
        **values,
    )
    return HTMLResponse(text, status_code=status)


def bare_page(request: Request, template: str, /, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page that reads nothing from the store, and may be shown to nobody in particular."""
    environment: Environment = request.app.state.environment
    text = environment.get_template(template).render(
        root=request.scope.get("root_path", ""),
        path="",
        visitor=getattr(request.state, "visitor", None),
        query={},
        framed=_is_framed(request),
        **values,
    )
    return HTMLResponse(text, status_code=status)


def _is_framed(request: Request) -> bool:
    """Whether the page is shown inside of Airflow's, whose frame lets no link out."""
    return request.headers.get("sec-fetch-dest") == "iframe"


def segment(text: object) -> str:
    """A value as one segment of a path: nothing in it can leave the segment."""
    return quote(str(text), safe="")


def query_of(values: Mapping[str, object], /, **changes: object) -> str:
    """`?name=value&...` of what is set, or ""."""
    found = {n: str(value) for n, value in {**values, **changes}.items() if value not in (None, "")}
    return f"?{urlencode(found)}" if found else ""


def airflow_path(facts: Mapping[str, Any]) -> str:
    """Where Airflow shows the task or run that launched something, as it was recorded; "" if nowhere."""
    url = str(facts.get("url") or "")
    return url if urlsplit(url).scheme in ("http", "https") else ""


def moment(time: datetime | None) -> Markup:
    """A time in UTC, readable by people and programs."""
    if time is None:
        return Markup("")
    utc = time.astimezone(UTC)
    shown = f"{utc:%Y-%m-%d %H:%M:%S}"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(utc.isoformat(), shown, shown)


def short_digest(text: object) -> Markup:
    """The first digits of a hash; the whole is there to be pointed at, copied and printed."""
    whole = str(text)
    if len(whole) <= _DIGITS:
        return Markup("<code>{}</code>").format(whole)
    return Markup('<code class="digest" title="{}">{}<span class="rest">{}</span></code>').format(
        whole, whole[:_DIGITS], whole[_DIGITS:]
    )


def word(text: object) -> str:
    """A state or name of an enumeration as people write it."""
    return str(text).lower().replace("_", " ")


def pretty(value: Any) -> Markup:
    """A parameter or property: plain text, or indented JSON behind a summary where that is long."""
    text = plain(value)
    if len(text) <= _LONG and not isinstance(value, (dict, list)):
        return escape(text)
    if len(text) <= _LONG:
        return escape(text or "empty")
    whole = (
        json.dumps(value, indent=2, ensure_ascii=False, default=str)
        if isinstance(value, (dict, list))
        else text
    )
    return Markup("<details><summary>{}…</summary><pre>{}</pre></details>").format(text[: _LONG // 2], whole)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is set, in order of name."""
    return {name: values[name] for name in sorted(values) if values[name] not in (None, "", [], {}, ())}


def place(uri: str) -> str:
    """The end of a uri, for tables."""
    parts = uri.rstrip("/").split("/")
    return uri if len(parts) <= 5 else "…/" + "/".join(parts[-4:])


def without(text: str, prefix: str) -> str:
    """A run's id without the pipeline's name before it, which stands in the next column."""
    return text.removeprefix(prefix).lstrip(".-") or text


def figure(value: object) -> str:
    """A metric's value: four digits that count."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def bounds_text(threshold: Mapping[str, Any]) -> str:
    """`at least 0.6, better than baseline by -0.02`: what was asked of one metric over all rows."""
    asked = {
        name: value for name, value in threshold.items() if isinstance(value, int | float) and name in _BOUNDS
    }
    return ", ".join(f"{name.replace('_', ' ')} {figure(value)}" for name, value in asked.items())


def slice_bounds(per_slice: Any) -> list[str]:
    """`each origin: at least 0.6`, `city Oslo: at most 0.2`: what was asked of one metric on slices."""
    bounds = per_slice if isinstance(per_slice, list) else [per_slice]
    return [
        f"{slice_in_words(one.get('on'))}: {bounds_text(one)}" if isinstance(one, Mapping) else plain(one)
        for one in bounds
    ]


def side(value: Any) -> Markup:
    """One side of a difference: hashes short, nothing as a dash."""
    if value is None or value == "":
        return Markup('<span class="soft" >nothing</span>')
    parts = str(value).split(", ")
    if all(len(part) == _SHA256 and part.isalnum() for part in parts):
        return Markup(", ").join(map(short_digest, parts))
    return pretty(value)


def state_of(execution: StoredExecution) -> str:
    """How an execution ended, in a word; what came from the cache says so."""
    return "cached" if execution.facts.get("cached_from") else word(execution.state)


def took(execution: StoredExecution) -> str:
    """How long the work took; nothing for what did none."""
    seconds = execution.facts.get("wall_seconds")
    return duration(seconds) if seconds and not execution.facts.get("cached_from") else ""


def run_took(run: Run) -> str:
    """How long a run took, if it has ended."""
    if run.started_at is None or run.ended_at is None:
        return ""
    return duration((run.ended_at - run.started_at).total_seconds())
