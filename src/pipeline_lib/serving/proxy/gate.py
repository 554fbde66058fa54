"""Whether a canary may stay: its errors and latencies beside the stable version's, in the same time."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

# Of the local model server: TensorFlow Serving's own metrics do not tell versions of a model apart.
_COUNT = ":pipeline:serving:version_request_count"
_LATENCY = ":pipeline:serving:version_request_latency_bucket"
_SAMPLE = re.compile(r"^(?P<name>[:\w]+)\{(?P<labels>.*)\} (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SERVER_ERROR = 400


class Verdict(StrEnum):
    """What to do with a canary."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"  # too few requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Limits of a canary beside the stable version.

    Attributes:
        min_requests: Fewer than so many requests to the canary decide nothing.
        max_error_increase: Of the share of requests that fail, absolute. Refused requests count: a changed
            signature refuses what was right before, and wrong clients are wrong on both sides.
        max_latency_ratio: Of the 95th percentiles.
    """

    min_requests: int = 100
    max_error_increase: float = 0.01
    max_latency_ratio: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The requests to one version in some time.

    Attributes:
        below: Requests that took at most so many microseconds, by that number, ascending.
    """

    requests: int = 0
    errors: int = 0
    below: Mapping[float, int] = field(default_factory=dict)

    @property
    def error_rate(self) -> float:
        """From 0 to 1; 0 without requests."""
        return self.errors / self.requests if self.requests else 0.0

    def seconds(self, quantile: float) -> float:
        """A quantile of the latencies, interpolated within its bucket; 0.0 without requests."""
        total = max(self.below.values(), default=0)
        wanted, lower, before = quantile * total, 0.0, 0
        for bound, count in sorted(self.below.items()):
            if count >= wanted and count:
                if bound == float("inf"):
                    return lower / 1e6
                inside = (wanted - before) / (count - before) if count > before else 0.0
                return (lower + inside * (bound - lower)) / 1e6
            lower, before = bound, count
        return 0.0

    def since(self, earlier: Self) -> "Observed":
        """What came after `earlier`; all, if the counters began anew meanwhile."""
        if self.requests < earlier.requests:
            return self
        return Observed(
            requests=self.requests - earlier.requests,
            errors=self.errors - earlier.errors,
            below={bound: count - earlier.below.get(bound, 0) for bound, count in self.below.items()},
        )

    def __add__(self, other: "Observed") -> "Observed":
        bounds = {*self.below, *other.below}
        return Observed(
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            below={bound: self.below.get(bound, 0) + other.below.get(bound, 0) for bound in bounds},
        )


def read_metrics(text: str, model: str, version: int) -> Observed | None:
    """The requests to a version, of a server's page of metrics; None if it does not tell versions apart."""
    requests, errors, told = 0, 0, False
    below: dict[float, int] = {}
    for line in text.splitlines():
        told = told or line.startswith(f"# TYPE {_COUNT} ")
        found = _SAMPLE.match(line)
        if found is None or found["name"] not in {_COUNT, _LATENCY}:
            continue
        labels = dict(_LABEL.findall(found["labels"]))
        if (labels.get("model_name"), labels.get("version")) != (model, str(version)):
            continue
        value = int(float(found["value"]))
        if found["name"] == _LATENCY:
            below[float(labels["le"])] = value
        else:
            requests += value
            errors += value if labels.get("status") != "OK" else 0
    return Observed(requests=requests, errors=errors, below=below) if told else None


def read_log(log: Path, offset: int, model: str, variant: str) -> Observed:
    """The requests to a variant that the proxy wrote down after a position in its log."""
    if not log.exists():
        return Observed()
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().splitlines()
    taken = [one for one in _entries(lines) if (one["model"], one["variant"]) == (model, variant)]
    micros = sorted(float(one["seconds"]) * 1e6 for one in taken)
    return Observed(
        requests=len(taken),
        errors=sum(_failed(str(one["status"])) for one in taken),
        below={bound: number for number, bound in enumerate(micros, start=1)},
    )


def judge(stable: Observed, canary: Observed, gate: Gate) -> tuple[Verdict, list[str]]:
    """The verdict on a canary, and what speaks against it."""
    if canary.requests < gate.min_requests:
        return Verdict.UNDECIDED, [f"{canary.requests} of {gate.min_requests} requests so far"]
    reasons = []
    if canary.error_rate > stable.error_rate + gate.max_error_increase:
        reasons.append(f"{canary.error_rate:.2%} of requests fail, {stable.error_rate:.2%} of stable's")
    slow, usual = canary.seconds(0.95), stable.seconds(0.95)
    if usual and slow > usual * gate.max_latency_ratio:
        reasons.append(f"95 % take up to {slow * 1e3:.1f} ms, {usual * 1e3:.1f} ms at stable")
    return (Verdict.FAILED if reasons else Verdict.PASSED), reasons


def _failed(statuses: str) -> bool:
    # Of every server that was tried: a request that the stable version saved is a failure of the canary.
    first = statuses.replace(":", ",").split(",")[0].strip()
    return not first.isdecimal() or int(first) >= _SERVER_ERROR


def _entries(lines: Iterable[bytes]) -> Iterable[Mapping[str, str]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:  # the line that nginx is writing
            continue
