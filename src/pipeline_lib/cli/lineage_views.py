"""How lineage looks to people."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pipeline_lib.cli.console import plain, size, table
from pipeline_lib.cli.records import TIME
from pipeline_lib.lineage.difference import Difference
from pipeline_lib.lineage.explanation import Explanation, Push
from pipeline_lib.lineage.reach import Impact
from pipeline_lib.lineage.sources import span_text

_DIGITS = 12


def explanation_view(found: Explanation) -> RenderableType:
    """A model's explanation, section after section; hashes shortened, `--json` has them whole."""
    files = [
        (
            file.name,
            file.sha256[:_DIGITS],
            "" if file.size_bytes is None else size(file.size_bytes),
            file.node,
        )
        for file in found.files
    ]
    commits = [
        (commit[:_DIGITS], "dirty" if dirty else "clean") for commit, dirty in found.code.commits.items()
    ]
    environments = [("environment", environment[:_DIGITS]) for environment in found.code.environments]
    sections: list[tuple[str, Sequence[Sequence[str]]]] = [
        ("data", [("spans", ", ".join(map(span_text, found.spans)))] if found.spans else []),
        ("files", files),
        ("schema", [(str(a.id), a.digest[:_DIGITS], a.uri) for a in found.schemas]),
        ("code", [*(("commit", *commit) for commit in commits), *environments]),
        ("code files", [(path, digest[:_DIGITS]) for path, digest in found.code.files.items()]),
        ("parameters", list(_latest_parameters(found))),
        ("verdict", list(_verdicts(found))),
        ("pushed", [_push(push) for push in found.pushes]),
        ("no longer there", [(text,) for text in found.missing]),
    ]
    title = Text(f"Model {found.model.id}  {_time(found.model.created_at)}  {found.model.digest[:_DIGITS]}")
    return Group(title, *_sections(sections))


def impact_view(found: Impact) -> RenderableType:
    """The models something reached."""
    if not found.models:
        return Text(f"{found.subject} reached no model, and {len(found.lineage.artifacts)} artifacts")
    rows = table("model", "run", "created (UTC)", "pushed", whole=["model", "created (UTC)"])
    for reached in found.models:
        pushes = "; ".join(" ".join(filter(None, _push(push))) for push in reached.pushes)
        rows.add_row(
            str(reached.model.id),
            Text(reached.model.run_id),
            _time(reached.model.created_at),
            Text(pushes or "no"),
        )
    return rows


def difference_view(found: Difference) -> RenderableType:
    """What differs, part after part."""
    sections = [
        (part, [(change.what, f"{_short(change.before)} -> {_short(change.after)}") for change in changes])
        for part, changes in found.parts().items()
    ]
    if not any(rows for _, rows in sections):
        return Text(f"models {found.before} and {found.after} differ in nothing that is recorded")
    return Group(Text(f"Model {found.before} -> {found.after}"), *_sections(sections))


def _sections(sections: Iterable[tuple[str, Sequence[Sequence[str]]]]) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for title, lines in sections:
        if lines:
            rows = table(*[""] * max(map(len, lines)))
            rows.show_header = False
            for line in lines:
                rows.add_row(*(Text(f"  {cell}" if not place else cell) for place, cell in enumerate(line)))
            shown += [Text(), Text(title, "dim"), rows]
    return shown


def _latest_parameters(found: Explanation) -> Iterable[tuple[str, str]]:
    """Of a node that was executed for each span, the latest: `--json` has them all."""
    latest = {str(execution.key): execution for execution in found.lineage.executions}
    for node in sorted(latest):
        yield node, _named(latest[node].parameters)


def _verdicts(found: Explanation) -> Iterable[tuple[str, str]]:
    for judgement in found.judgements:
        yield judgement.outcome, f"execution {judgement.execution_id}, {_time(judgement.judged_at)}"
        for threshold in judgement.thresholds:
            bounds = {
                name: value
                for name, value in threshold.items()
                if value not in (None, [], {}) and name != "name"
            }
            if bounds:
                yield f"  {threshold.get('name')}", _named(bounds)
        for reason in judgement.reasons or ():
            yield "  because", str(reason.get("detail", reason))


def _push(push: Push) -> tuple[str, str, str]:
    if push.refused:
        return "refused", _time(push.pushed_at), push.refused
    replaced = (
        f"replaced by {push.replaced_by} {_time(push.replaced_at)}"
        if push.replaced_at
        else "the newest there"
    )
    return f"version {push.version}", _time(push.pushed_at), f"{push.target}, {replaced}"


def _named(values: Mapping[str, Any]) -> str:
    given = {name: value for name, value in values.items() if value not in (None, "", [], {})}
    return ", ".join(
        f"{name} {plain(value)}" for name, value in given.items() if name not in ("found", "located")
    )


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = plain(value)
    return text[:_DIGITS] if len(text) == 64 and text.isalnum() else text


def _time(time: datetime) -> str:
    return f"{time:{TIME}}"
