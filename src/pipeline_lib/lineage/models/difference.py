"""What differs between two models: data, code, parameters, environment, metrics by slice, verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline_lib.lineage.models.explanation import Explanation
from pipeline_lib.lineage.queries.sources import spans_text

_ALL = "all rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs; None where a side does not have it."""

    what: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Model `after` against model `before`; every part is sorted by name."""

    before: int
    after: int
    data: tuple[Change, ...] = field(default=())
    code: tuple[Change, ...] = field(default=())
    parameters: tuple[Change, ...] = field(default=())
    environment: tuple[Change, ...] = field(default=())
    metrics: tuple[Change, ...] = field(default=())
    verdict: tuple[Change, ...] = field(default=())

    def parts(self) -> Mapping[str, tuple[Change, ...]]:
        """The parts by name."""
        return {
            "data": self.data,
            "code": self.code,
            "parameters": self.parameters,
            "environment": self.environment,
            "metrics": self.metrics,
            "verdict": self.verdict,
        }


def diff(before: Explanation, after: Explanation) -> Difference:
    """Compare two models that have been explained."""
    return Difference(
        before=before.model.id,
        after=after.model.id,
        data=_changes(_data(before), _data(after)),
        code=_changes(_code(before), _code(after)),
        parameters=_changes(_parameters(before), _parameters(after)),
        environment=_changes(_environment(before), _environment(after)),
        metrics=_changes(_metrics(before), _metrics(after)),
        verdict=_changes(_verdict(before), _verdict(after)),
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    return tuple(
        Change(what=name, before=before.get(name), after=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _data(explained: Explanation) -> dict[str, Any]:
    files = {f"{file.node}: {file.name}": file.sha256 for file in explained.files}
    schemas = {f"schema of {schema.node}": schema.digest for schema in explained.schemas}
    return files | schemas | {"spans": spans_text(explained.spans)}


def _code(explained: Explanation) -> dict[str, Any]:
    commits = ", ".join(
        f"{commit}{' (dirty)' if dirty else ''}" for commit, dirty in explained.code.commits.items()
    )
    diffs = ", ".join(diff.digest for diff in explained.code.diffs)
    return {"git commit": commits, **({"git diff": diffs} if diffs else {}), **explained.code.files}


def _environment(explained: Explanation) -> dict[str, Any]:
    return {"digest": ", ".join(explained.code.environments), **explained.code.distributions}


def _parameters(explained: Explanation) -> dict[str, Any]:
    """Of nodes executed several times (one per span, say) the latest counts; files are data."""
    latest: dict[str, Mapping[str, Any]] = {
        str(execution.key): execution.parameters for execution in explained.lineage.executions
    }
    return {
        f"{node}.{name}": value
        for node, parameters in latest.items()
        for name, value in parameters.items()
        if name not in ("found", "located", "sha256")
    }


def _metrics(explained: Explanation) -> dict[str, Any]:
    """Of the latest evaluation, by slice and metric; a record without slices has those over all rows."""
    if not explained.evaluations:
        return {}
    latest = explained.evaluations[-1]
    found: dict[str, Any] = {f"{_ALL}: {name}": value for name, value in latest.metrics.items()}
    for one in latest.slices:
        for name, told in (one.get("metrics") or {}).items():
            found[f"{one.get('slice', _ALL)}: {name}"] = told.get("value") if isinstance(told, dict) else told
    return found


def _verdict(explained: Explanation) -> dict[str, Any]:
    if not explained.judgements:
        return {}
    latest = explained.judgements[-1]
    reasons = latest.reasons or ()
    return {
        "outcome": latest.outcome,
        "blessed": latest.blessed,
        "reasons": "; ".join(str(reason.get("detail", "")) for reason in reasons),
        "thresholds": [dict(threshold) for threshold in latest.thresholds],
    }
