"""The content of an audit report: plain JSON, the same for the same model whenever it is asked for.

Nothing in it depends on when or where the report is made. What changes it is what happens to the model:
a verdict, an approval, a push, a version that replaces it.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pipeline_lib.hashing import digest
from pipeline_lib.lineage.models.explanation import Explanation
from pipeline_lib.metadata.records import Ports, StoredArtifact, StoredExecution
from pipeline_lib.wording import span_text

FORMAT = "pipeline_lib.audit/1"
# Of the facts of an execution those that tell what was done, and by whom; not how busy the machine was.
_FACTS = ("user", "host", "git_commit", "git_dirty", "git_diff_digest", "environment_digest", "profile")


def audit_report(found: Explanation, *, notes: str = "") -> dict[str, Any]:
    """Everything that is recorded of a model, with digests of everything named.

    Args:
        found: The model, explained.
        notes: Text for the model card: what it is meant for, and what not.
    """
    sections: dict[str, Any] = {
        "model": _artifact(found.model),
        "card": _card(found, notes),
        "data": {
            "spans": [{"span": span, "text": span_text(span)} for span in found.spans],
            "files": [_plain(asdict(file)) for file in found.files],
        },
        "schemas": [_artifact(schema) for schema in found.schemas],
        "code": _plain(asdict(found.code)),
        "parameters": _plain(found.parameters),
        "evaluations": [_plain(asdict(evaluation)) for evaluation in found.evaluations],
        "judgements": [_plain(asdict(judgement)) for judgement in found.judgements],
        "approvals": [_plain(asdict(approval)) for approval in found.approvals],
        "pushes": [_plain(asdict(push)) for push in found.pushes],
        "executions": [_execution(execution) for execution in found.lineage.executions],
        "artifacts": [_artifact(artifact) for artifact in found.lineage.artifacts],
        "missing": list(found.missing),
    }
    return {
        "format": FORMAT,
        **sections,
        "digests": {name: digest(f"audit-{name}", content) for name, content in sections.items()},
    }


def _card(found: Explanation, notes: str) -> dict[str, Any]:
    """The model card: what a reader asks first, from what is recorded."""
    examples = found.lineage.of_type("Examples")
    latest = found.evaluations[-1] if found.evaluations else None
    missed = [
        {"slice": str(one.get("slice", "")), **_plain(bound)}
        for one in (latest.slices if latest is not None else ())
        for bound in one.get("bounds") or ()
        if isinstance(bound, Mapping) and bound.get("met") is False
    ]
    return {
        "name": f"{found.model.pipeline} {found.model.id}",
        "made_at": _time(found.model.created_at),
        "made_by": sorted({str(e.facts["user"]) for e in found.lineage.executions if e.facts.get("user")}),
        "pipeline": found.model.pipeline,
        "run": found.model.run_id,
        "rows": _rows(examples),
        "spans": [span_text(span) for span in found.spans],
        "columns": sorted({str(c) for one in examples for c in one.properties.get("columns") or ()}),
        "metrics": {} if latest is None else _plain(latest.metrics),
        "baseline_metrics": {} if latest is None else _plain(latest.baseline_metrics),
        "bounds_missed": missed,
        "verdict": found.judgements[-1].outcome if found.judgements else "not judged",
        "serving": sorted({push.target for push in found.pushes if push.serving}),
        "notes": notes,
        "notes_sha256": hashlib.sha256(notes.encode()).hexdigest(),
    }


def _rows(examples: Sequence[StoredArtifact]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in examples:
        rows = one.properties.get("rows")
        for split, count in (rows if isinstance(rows, Mapping) else {}).items():
            if isinstance(count, int):
                found[str(split)] = found.get(str(split), 0) + count
    return found


def _artifact(artifact: StoredArtifact) -> dict[str, Any]:
    return {
        "id": artifact.id,
        "type": artifact.type_name,
        "digest": artifact.digest,
        "uri": artifact.uri,
        "size_bytes": artifact.size_bytes,
        "pipeline": artifact.pipeline,
        "node": artifact.node,
        "port": artifact.port,
        "run": artifact.run_id,
        "made_at": _time(artifact.created_at),
        "properties": _plain(artifact.properties),
    }


def _execution(execution: StoredExecution) -> dict[str, Any]:
    told = {
        "id": execution.id,
        "node": str(execution.key),
        "component": execution.type_name,
        "pipeline": execution.key.pipeline,
        "run": execution.key.run_id,
        "started_at": _time(execution.started_at),
        "cache_key": execution.cache_key,
        "parameters": _plain(execution.parameters),
        "facts": {name: _plain(execution.facts[name]) for name in _FACTS if name in execution.facts},
        "inputs": _ports(execution.inputs),
        "outputs": _ports(execution.outputs),
    }
    return {**told, "digest": digest("audit-execution", told)}


def _ports(ports: Ports) -> list[dict[str, Any]]:
    return [
        {"port": port, "index": index, "artifact": artifact.id, "digest": artifact.digest}
        for port in sorted(ports)
        for index, artifact in enumerate(ports[port])
    ]


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _plain(value: Any) -> Any:
    """As canonical JSON takes it: times as text, odd keys as text, NaN and infinities by name."""
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
