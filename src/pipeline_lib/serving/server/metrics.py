"""What the server counts, under TensorFlow Serving's names, in Prometheus' text format."""

import threading
from bisect import bisect_left
from collections import defaultdict

_COUNT = ":tensorflow:serving:request_count"
_LATENCY = ":tensorflow:serving:request_latency"
_LOADS = ":tensorflow:cc:saved_model:load_attempt_count"
# Microseconds, as TensorFlow Serving has them: powers of 1.8 from 10.
_BUCKETS = tuple(10 * 1.8**power for power in range(33))


class Metrics:
    """Counters and latencies of one server; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._loads: dict[tuple[str, str], int] = defaultdict(int)
        self._buckets: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * (len(_BUCKETS) + 1))
        self._sums: dict[tuple[str, str, str], float] = defaultdict(float)

    def answered(self, model: str, *, status: str, api: str, entrypoint: str, seconds: float) -> None:
        """Count a request.

        Args:
            model: Its name as asked for.
            status: Name of the gRPC status.
            api: `predict`, `get_model_status`...
            entrypoint: `GRPC` or `REST`.
            seconds: How long it took.
        """
        micros = seconds * 1e6
        key = (model, api, entrypoint)
        with self._lock:
            self._counts[model, status] += 1
            self._buckets[key][bisect_left(_BUCKETS, micros)] += 1
            self._sums[key] += micros

    def loaded(self, path: str, *, status: str) -> None:
        """Count an attempt to load a version."""
        with self._lock:
            self._loads[path, status] += 1

    def text(self) -> str:
        """All of it, for a scrape."""
        with self._lock:
            lines = [f"# TYPE {_COUNT} counter"]
            for (model, status), count in sorted(self._counts.items()):
                lines.append(f"{_COUNT}{_labels(model_name=model, status=status)} {count}")
            lines.append(f"# TYPE {_LOADS} counter")
            for (path, status), count in sorted(self._loads.items()):
                lines.append(f"{_LOADS}{_labels(model_path=path, status=status)} {count}")
            lines.append(f"# TYPE {_LATENCY} histogram")
            for key in sorted(self._buckets):
                lines += self._histogram(key)
        return "\n".join(lines) + "\n"

    def _histogram(self, key: tuple[str, str, str]) -> list[str]:
        model, api, entrypoint = key
        labels = {"model_name": model, "API": api, "entrypoint": entrypoint}
        lines, total = [], 0
        for count, bound in zip(self._buckets[key], [*map(_number, _BUCKETS), "+Inf"], strict=True):
            total += count
            lines.append(f"{_LATENCY}_bucket{_labels(**labels, le=bound)} {total}")
        lines.append(f"{_LATENCY}_sum{_labels(**labels)} {_number(self._sums[key])}")
        lines.append(f"{_LATENCY}_count{_labels(**labels)} {total}")
        return lines


def _number(value: float) -> str:
    return f"{value:.6g}"


def _labels(**labels: str) -> str:
    escaped = (
        value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for value in labels.values()
    )
    return "{" + ",".join(f'{name}="{value}"' for name, value in zip(labels, escaped, strict=True)) + "}"
