"""What the server counts, under TensorFlow Serving's names, in Prometheus' text format.

Prometheus' own client appends `_total` to the names of counters, which TensorFlow Serving's do not have.
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

_COUNT = ":tensorflow:serving:request_count"
_LATENCY = ":tensorflow:serving:request_latency"
_RUNTIME = ":tensorflow:serving:runtime_latency"
_EXAMPLES = ":tensorflow:serving:request_example_count_total"
_EXAMPLE_COUNTS = ":tensorflow:serving:request_example_counts"
_WARM_UP = ":tensorflow:serving:model_warmup_latency"
_QUEUED = ":tensorflow:serving:batching_session:queuing_latency"
_LOADS = ":tensorflow:cc:saved_model:load_attempt_count"
_LOAD_MICROS = ":tensorflow:cc:saved_model:load_latency"
# TensorFlow Serving does not tell versions of a model apart; a canary needs it.
VERSION_COUNT = ":pipeline:serving:version_request_count"
VERSION_LATENCY = ":pipeline:serving:version_request_latency"

# Microseconds, as TensorFlow Serving has them.
_BUCKETS = tuple(10 * 1.8**power for power in range(33))
_EXAMPLE_BUCKETS = tuple(2.0**power for power in range(15))
_QUEUE_BUCKETS = tuple(100 * 1.2**power for power in range(52))

# Which of TensorFlow Serving's runtimes ours is: a session.
_SESSION = ("runtime", "TF1")
_RAN = {
    "predict": "Predict",
    "classify": "Classify",
    "regress": "Regress",
    "multi_inference": "MultiInference",
}

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Histogram:
    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """Counters and latencies of one server; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, dict[Labels, int]] = {
            name: defaultdict(int) for name in (_COUNT, _EXAMPLES, _LOADS, _LOAD_MICROS, VERSION_COUNT)
        }
        self._latencies: dict[str, dict[Labels, _Histogram]] = {
            _LATENCY: defaultdict(lambda: _Histogram(_BUCKETS)),
            _RUNTIME: defaultdict(lambda: _Histogram(_BUCKETS)),
            _WARM_UP: defaultdict(lambda: _Histogram(_BUCKETS)),
            _EXAMPLE_COUNTS: defaultdict(lambda: _Histogram(_EXAMPLE_BUCKETS)),
            VERSION_LATENCY: defaultdict(lambda: _Histogram(_BUCKETS)),
            _QUEUED: defaultdict(lambda: _Histogram(_QUEUE_BUCKETS)),
        }

    def answered(
        self,
        model: str,
        *,
        status: str,
        api: str,
        entrypoint: str,
        seconds: float,
        version: int | None = None,
        ran: float | None = None,
    ) -> None:
        """Count a request.

        Args:
            model: Its name as asked for.
            status: Name of the gRPC status.
            api: `predict`, `get_model_status`...
            entrypoint: `GRPC` or `REST`.
            seconds: How long it took.
            version: That answered; None if the request did not come so far.
            ran: Seconds of that in TensorFlow; None if it did not come so far.
        """
        micros = seconds * 1e6
        named = ("model_name", model)
        with self._lock:
            self._counters[_COUNT][named, ("status", status)] += 1
            self._latencies[_LATENCY][named, ("API", api), ("entrypoint", entrypoint)].add(micros)
            if ran is not None:
                self._latencies[_RUNTIME][named, ("API", _RAN[api]), _SESSION].add(ran * 1e6)
            if version is not None:
                one = ("version", str(version))
                self._counters[VERSION_COUNT][named, one, ("status", status)] += 1
                self._latencies[VERSION_LATENCY][named, one].add(micros)

    def examples(self, model: str, count: int) -> None:
        """Count the tf.Examples of a request."""
        with self._lock:
            self._counters[_EXAMPLES][(("model", model),)] += count
            self._latencies[_EXAMPLE_COUNTS][(("model", model),)].add(count)

    def queued(self, seconds: float) -> None:
        """Count how long a request waited for its batch."""
        with self._lock:
            self._latencies[_QUEUED][(("thread_pool_name", "batch_threads"),)].add(seconds * 1e6)

    def loaded(self, path: str, *, status: str, seconds: float) -> None:
        """Count an attempt to load a version: `success` or `fail`."""
        with self._lock:
            self._counters[_LOADS][("model_path", path), ("status", status)] += 1
            if status == "success":
                self._counters[_LOAD_MICROS][(("model_path", path),)] += round(seconds * 1e6)

    def warmed_up(self, path: str, *, status: str, seconds: float) -> None:
        """Count how long the warm-up requests of a version took."""
        with self._lock:
            self._latencies[_WARM_UP][("model_path", path), ("status", status)].add(seconds * 1e6)

    def text(self) -> str:
        """All of it, for a scrape."""
        lines = []
        with self._lock:
            for name, counts in self._counters.items():
                lines.append(f"# TYPE {name} counter")
                lines += [f"{name}{_labels(labels)} {count}" for labels, count in sorted(counts.items())]
            for name, histograms in self._latencies.items():
                lines.append(f"# TYPE {name} histogram")
                for labels, histogram in sorted(histograms.items(), key=lambda one: one[0]):
                    lines += _told(name, labels, histogram)
        return "\n".join(lines) + "\n"


def _told(name: str, labels: Labels, histogram: _Histogram) -> list[str]:
    lines, total = [], 0
    for count, bound in zip(histogram.counts, [*map(_number, histogram.bounds), "+Inf"], strict=True):
        total += count
        lines.append(f"{name}_bucket{_labels((*labels, ('le', bound)))} {total}")
    lines.append(f"{name}_sum{_labels(labels)} {_number(histogram.total)}")
    lines.append(f"{name}_count{_labels(labels)} {total}")
    return lines


def _number(value: float) -> str:
    return f"{value:.6g}"


def _labels(labels: Labels) -> str:
    escaped = (
        (name, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for name, value in labels
    )
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped) + "}"
