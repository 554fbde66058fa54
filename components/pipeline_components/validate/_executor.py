"""Body of `validate_examples`."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from pipeline_components.errors import AnomaliesFoundError, EnvironmentNotFoundError, SplitNotFoundError
from pipeline_components.schema_files import read_schema
from pipeline_components.selection import chosen_splits
from pipeline_components.statistics_files import read_statistics
from pipeline_components.validate._comparators import Comparison, with_thresholds
from pipeline_components.validate._findings import Distance, Finding, distances, findings
from pipeline_components.validate._report import anomalies_page
from pipeline_lib import ExampleAnomalies, ExampleStatistics, Schema
from pipeline_lib.artifacts.workspace import current_workspace

ANOMALIES_FILE = "SchemaDiff.pb"
_LISTED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The artifacts that are compared."""

    statistics: ExampleStatistics
    schema: Schema
    previous: ExampleStatistics | None = None
    serving: ExampleStatistics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What counts as an anomaly, and what follows from one; see `validate_examples`."""

    drift: Mapping[str, float]
    skew: Mapping[str, float]
    environment: str | None = None
    waive: Sequence[str] = ()
    exclude_splits: Sequence[str] = ()
    on_anomaly: str = "fail"


def validate(judged: Judged, rules: Rules) -> ExampleAnomalies:
    """Judge every split, write what was found, and raise if it is too much."""
    statistics = judged.statistics
    names = chosen_splits(statistics.split_names, exclude=rules.exclude_splits)
    schema = read_schema(judged.schema)
    _require_environment(schema, rules.environment)
    anomalies = ExampleAnomalies.new(span=statistics.span, split_names=names)
    found: list[Finding] = []
    measured: list[Distance] = []
    for name in names:
        proto = _judge_split(name, judged, rules, schema)
        folder = anomalies.split_path(name)
        folder.mkdir(parents=True)
        (folder / ANOMALIES_FILE).write_bytes(proto.SerializeToString(deterministic=True))
        found += findings(proto, split=name, waive=rules.waive)
        measured += distances(proto, split=name)
    failed = [finding for finding in found if not finding.waived]
    page = anomalies_page(found, measured, span=statistics.span, notes=_notes(judged, rules, found))
    (anomalies.path / "report.html").write_text(page)
    anomalies.blessed = {name: int(all(f.split != name for f in failed)) for name in names}
    if failed and rules.on_anomaly == "fail":
        kept = current_workspace().keep(anomalies.path / "report.html")
        raise _too_much(failed, rules, span=statistics.span, report=kept)
    return anomalies


def _judge_split(
    name: str, judged: Judged, rules: Rules, schema: schema_pb2.Schema
) -> anomalies_pb2.Anomalies:
    statistics = read_statistics(judged.statistics, name)
    against: dict[str, statistics_pb2.DatasetFeatureStatisticsList] = {}
    comparisons: tuple[tuple[Comparison, Mapping[str, float], ExampleStatistics | None], ...] = (
        ("drift", rules.drift, judged.previous),
        ("skew", rules.skew, judged.serving),
    )
    for comparison, thresholds, other in comparisons:
        schema = with_thresholds(schema, thresholds, comparison, statistics)
        if other is not None:
            against[comparison] = read_statistics(other, _counterpart(name, other, comparison))
    # A schema may carry thresholds of its own; TFDV judges those too when it is given the other side.
    return tfdv.validate_statistics(
        statistics,
        schema,
        environment=rules.environment,
        previous_statistics=against.get("drift"),
        serving_statistics=against.get("skew"),
    )


def _counterpart(name: str, other: ExampleStatistics, comparison: Comparison) -> str:
    """The split to compare with: that of the same name, or the only one there is."""
    if name in other.split_names:
        return name
    if len(other.split_names) == 1:
        return other.split_names[0]
    raise SplitNotFoundError(
        f"the statistics to judge {comparison} with have no split {name}",
        known=", ".join(other.split_names),
        fix=f"exclude {name} with exclude_splits=, or compute its statistics",
    )


def _require_environment(schema: schema_pb2.Schema, environment: str | None) -> None:
    if environment is None:
        return
    known = set(schema.default_environment)
    for feature in schema.feature:
        known |= {*feature.in_environment, *feature.not_in_environment}
    if environment not in known:
        near = difflib.get_close_matches(environment, known, n=1)
        raise EnvironmentNotFoundError(
            f"the schema has no environment {environment}",
            known=", ".join(sorted(known)) or "none",
            fix=f"did you mean {near[0]}?" if near else "add it to the schema's default_environment",
        )


def _notes(judged: Judged, rules: Rules, found: Sequence[Finding]) -> list[str]:
    """What the reader should know was not judged."""
    notes = []
    if rules.drift and judged.previous is None:
        notes.append("Drift was not judged: there are no statistics of an earlier span.")
    if rules.skew and judged.serving is None:
        notes.append("Skew was not judged: there are no statistics of serving data.")
    used = {waiver for finding in found for waiver in finding.names() if waiver in rules.waive}
    idle = [waiver for waiver in rules.waive if waiver not in used]
    if idle:
        notes.append(f"Waived, but not found: {', '.join(idle)}.")
    return notes


def _too_much(failed: Sequence[Finding], rules: Rules, *, span: int, report: Path) -> AnomaliesFoundError:
    lines = [f"{f.split}: {f.feature}: {f.summary} ({f.kind}). {f.description}".rstrip() for f in failed]
    if len(lines) > _LISTED:
        lines = [*lines[:_LISTED], f"and {len(lines) - _LISTED} more"]
    features = list(dict.fromkeys(finding.feature for finding in failed))
    facts: dict[str, Any] = {
        "anomalies": "\n".join(lines),
        "span": span,
        "environment": rules.environment,
        "report": str(report),
    }
    return AnomaliesFoundError(
        f"{len(failed)} anomal{'y' if len(failed) == 1 else 'ies'} in {', '.join(features[:5])}"
        + (f" and {len(features) - 5} more features" if len(features) > 5 else ""),
        fix=f'correct the data or the schema, or accept it by name: waive=["{features[0]}:{failed[0].kind}"]',
        **facts,
    )
