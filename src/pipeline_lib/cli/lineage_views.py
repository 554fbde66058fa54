"""How lineage looks to people."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pipeline_lib.cli.console import table
from pipeline_lib.cli.records import TIME
from pipeline_lib.lineage.models.difference import Difference
from pipeline_lib.lineage.models.explanation import Explanation
from pipeline_lib.lineage.queries.pushes import Push
from pipeline_lib.lineage.queries.reach import Impact
from pipeline_lib.lineage.queries.sources import spans_text
from pipeline_lib.wording import plain, size

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
        ("data", [("spans", spans_text(found.spans))] if found.spans else []),
        ("files", files),
        ("schema", [(str(a.id), a.digest[:_DIGITS], a.uri) for a in found.schemas]),
        ("code", [*(("commit", *commit) for commit in commits), *environments]),
        ("changes to the commit", list(_diffs(found))),
        ("code files", [(path, digest[:_DIGITS]) for path, digest in found.code.files.items()]),
        ("parameters", list(_latest_parameters(found))),
        ("metrics", list(_metrics(found))),
        ("verdict", list(_verdicts(found))),
        ("approval", list(_approvals(found))),
        ("pushed", list(_pushes(found))),
        ("no longer there", [(text,) for text in found.missing]),
    ]
    title = Text(f"Model {found.model.id}  {_time(found.model.created_at)}  {found.model.digest[:_DIGITS]}")
    return Group(title, *_sections(sections))


def impact_view(found: Impact) -> RenderableType:
    """The models something reached."""
    if not found.models:
        return Text(f"{found.subject} reached no model, and {len(found.lineage.artifacts)} artifacts")
    rows = table("model", "run", "created (UTC)", "pushed", "serves", whole=["model", "created (UTC)"])
    for reached in found.models:
        pushes = "; ".join(_push_in_short(push) for push in reached.pushes)
        rows.add_row(
            str(reached.model.id),
            Text(reached.model.run_id),
            _time(reached.model.created_at),
            Text(pushes or "no"),
            Text(", ".join(reached.live_on)),
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


def _diffs(found: Explanation) -> Iterable[tuple[str, str]]:
    """The files that differed; `--json` and the audit report have the lines."""
    for diff in found.code.diffs:
        files = [
            line.rpartition(" b/")[2] for line in (diff.text or "").splitlines() if line[:7] == "diff --"
        ]
        yield diff.digest[:_DIGITS], ", ".join(files) or "not kept"


def _metrics(found: Explanation) -> Iterable[tuple[str, str, str]]:
    """Of the latest evaluation: over all rows, then every slice with a bound."""
    if not found.evaluations:
        return
    latest = found.evaluations[-1]
    for name, value in latest.metrics.items():
        baseline = latest.baseline_metrics
        yield name, f"{value:.4g}", f"baseline {baseline[name]:.4g}" if name in baseline else ""
    for one in latest.slices:
        for bound in one.get("bounds") or ():
            limits = {key: value for key, value in bound.items() if key not in ("metric", "met", "of")}
            told = (one.get("metrics") or {}).get(bound.get("metric")) or {}
            number = told.get("value")
            shown = f"{number:.4g}" if isinstance(number, int | float) else ""
            met = {True: "met", False: "MISSED"}.get(bound.get("met"), "no value")
            of = "change " if bound.get("of") == "difference" else ""
            yield f"  {one.get('slice')}: {bound.get('metric')}", shown, f"{of}{_bounds(limits)}: {met}"


def _approvals(found: Explanation) -> Iterable[tuple[str, str, str]]:
    for one in found.approvals:
        told = f"{one.decision.replace('_', ' ')} by {one.by or 'nobody'}"
        yield one.subject, told, f"{one.at}{f': {one.comment}' if one.comment else ''}"


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
                yield f"  {threshold.get('name')}", _bounds(bounds)
        for reason in judgement.reasons or ():
            yield "  because", str(reason.get("detail", reason))


def _push(push: Push) -> tuple[str, str, str]:
    if push.refused:
        return "refused", _time(push.pushed_at), push.refused
    return f"version {push.version}", _time(push.pushed_at), push.target


def _push_in_short(push: Push) -> str:
    """Beside where a model serves: a target by its last part, the name under which it is served."""
    what, when, _ = _push(push)
    return " ".join(_push(push)) if push.refused else f"{what} to {PurePosixPath(push.target).name}, {when}"


def _pushes(found: Explanation) -> Iterable[tuple[str, str, str]]:
    for push in found.pushes:
        yield _push(push)
        for one in push.live:
            end = f"to {_time(one.until)}, replaced by {one.replaced_by}" if one.until else "to now"
            yield f"  live by {one.kind}", _time(one.since), end


def _named(values: Mapping[str, Any]) -> str:
    return plain({name: value for name, value in values.items() if name not in ("found", "located")})


def _bounds(limits: Mapping[str, Any]) -> str:
    return plain({name.replace("_", " "): limit for name, limit in limits.items()})


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = plain(value)
    return text[:_DIGITS] if len(text) == 64 and text.isalnum() else text


def _time(time: datetime) -> str:
    return f"{time:{TIME}}"
