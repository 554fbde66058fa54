"""TFDV's Anomalies message as rows to read, raise and draw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import anomalies_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One reason for an anomaly.

    Attributes:
        split: Where it was found.
        feature: Name of the feature; `(dataset)` for one of the whole split.
        kind: TFDV's name, `ENUM_TYPE_UNEXPECTED_STRING_VALUES`.
        summary: In words.
        description: With the values.
        waived: Whether it is accepted by name.
    """

    split: str
    feature: str
    kind: str
    summary: str
    description: str
    waived: bool

    def names(self) -> tuple[str, str]:
        """By which it can be waived."""
        return self.feature, f"{self.feature}:{self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """A measured distance to other statistics.

    Attributes:
        comparison: `drift` or `skew`.
        measure: `L-infinity` or `Jensen-Shannon`.
        value: 0 (alike) to 1.
        threshold: The largest allowed.
    """

    split: str
    feature: str
    comparison: str
    measure: str
    value: float
    threshold: float


def findings(proto: anomalies_pb2.Anomalies, *, split: str, waive: Sequence[str]) -> list[Finding]:
    """Every reason of every anomaly, by feature."""
    rows = []
    for feature in sorted(proto.anomaly_info):
        info = proto.anomaly_info[feature]
        for kind, summary, description in _reasons(info):
            rows.append((feature, kind, summary, description))
    if proto.HasField("dataset_anomaly_info"):
        rows += [("(dataset)", *reason) for reason in _reasons(proto.dataset_anomaly_info)]
    if proto.data_missing:
        rows.append(("(dataset)", "DATA_MISSING", "No examples", "The split has no rows."))
    return [
        Finding(
            split=split,
            feature=feature,
            kind=kind,
            summary=summary,
            description=description,
            waived=feature in waive or f"{feature}:{kind}" in waive,
        )
        for feature, kind, summary, description in rows
    ]


def _reasons(info: anomalies_pb2.AnomalyInfo) -> Iterator[tuple[str, str, str]]:
    for reason in info.reason:
        kind = anomalies_pb2.AnomalyInfo.Type.Name(reason.type)
        yield kind, reason.short_description or info.short_description, reason.description or info.description
    if not info.reason:
        yield "UNKNOWN_TYPE", info.short_description, info.description


def distances(proto: anomalies_pb2.Anomalies, *, split: str) -> list[Distance]:
    """Every measured drift and skew."""
    measures = {1: "L-infinity", 2: "Jensen-Shannon", 3: "normalised absolute difference"}
    rows = []
    for info in proto.drift_skew_info:
        for comparison, measured in (("drift", info.drift_measurements), ("skew", info.skew_measurements)):
            rows += [
                Distance(
                    split=split,
                    feature=".".join(info.path.step),
                    comparison=comparison,
                    measure=measures.get(one.type, "distance"),
                    value=one.value,
                    threshold=one.threshold,
                )
                for one in measured
            ]
    return rows
