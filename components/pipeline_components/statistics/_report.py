"""The page of `compute_statistics`, drawn straight from TFDV's message."""

# ruff: noqa: E501  (lines of HTML)

import math
from collections.abc import Mapping
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline_components.page import bars, number, percent, render
from pipeline_lib.wording import span_text

_BODY = """
<h1>{{ title }}</h1><p class="soft">span {{ span }} · {{ features | length }} features</p>
<div class="card"><table><tr><th>split</th><th class="number">rows</th></tr>
{% for split in splits %}<tr><td><span class="dot c{{ loop.index0 % 4 }}"></span>{{ split.name }}</td>
<td class="number">{{ split.rows | number }}</td></tr>{% endfor %}</table></div>
<div class="grid">{% for feature in features %}<div class="card"><h2>{{ feature.name }} <span class="tag">{{ feature.type }}</span></h2>
<table class="dense"><tr><th></th>{% for label in feature.labels %}<th class="number">{{ label }}</th>{% endfor %}</tr>
{% for row in feature.rows %}<tr class="c{{ row.color }}"><td><span class="dot" title="{{ row.split }}"></span></td>
{% for cell in row.cells %}<td class="number{% if cell.bad %} bad{% endif %}">{{ cell.text }}</td>{% endfor %}</tr>{% endfor %}</table>
<div class="pictures">{% for row in feature.rows %}<svg class="c{{ row.color }}" viewBox="0 0 220 44" preserveAspectRatio="none" role="img" aria-label="histogram of {{ feature.name }}, {{ row.split }}">
{% for bar in row.bars %}<rect x="{{ bar.x }}" y="{{ bar.y }}" width="{{ bar.w }}" height="{{ bar.h }}" fill="currentColor"><title>{{ bar.text }}</title></rect>{% endfor %}
</svg>{% endfor %}</div>
{% if feature.top %}<p class="soft wide">most frequent: {{ feature.top }}</p>{% endif %}</div>{% endfor %}</div>
"""
_TYPES = {0: "integer", 1: "float", 2: "text", 3: "bytes", 4: "struct"}
_HALF_MISSING = 0.5


def statistics_page(
    described: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList], *, span: int
) -> str:
    """The page.

    Args:
        described: Statistics by split.
        span: Of the examples.
    """
    datasets = {split: found.datasets[0] for split, found in described.items()}
    by_name: dict[str, list[tuple[int, str, Any]]] = {}
    for color, (split, dataset) in enumerate(datasets.items()):
        for feature in dataset.features:
            by_name.setdefault(_name(feature), []).append((color % 4, split, feature))
    splits = [{"name": name, "rows": int(dataset.num_examples)} for name, dataset in datasets.items()]
    rows = {name: max(int(dataset.num_examples), 1) for name, dataset in datasets.items()}
    features = [_feature(name, found, rows) for name, found in sorted(by_name.items())]
    return render(_BODY, title="Statistics", span=span_text(span), splits=splits, features=features)


def _name(feature: Any) -> str:
    return ".".join(feature.path.step) or str(feature.name)


def _feature(name: str, found: list[tuple[int, str, Any]], rows: Mapping[str, int]) -> dict[str, Any]:
    first = found[0][2]
    numeric = first.WhichOneof("stats") == "num_stats"
    labels = (
        ["missing", "mean", "std", "zeros", "min", "median", "max"]
        if numeric
        else ["missing", "different", "length"]
    )
    return {
        "name": name,
        "type": _TYPES.get(first.type, "other"),
        "labels": labels,
        "rows": [
            {
                "color": color,
                "split": split,
                "cells": _cells(feature, rows[split]),
                "bars": bars(_counts(feature)),
            }
            for color, split, feature in found
        ],
        "top": ", ".join(f"{value.value} ({number(value.frequency)})" for value in _top(first)[:5]),
    }


def _common(feature: Any) -> Any:
    return getattr(feature, feature.WhichOneof("stats")).common_stats


def _cells(feature: Any, rows: int) -> list[dict[str, Any]]:
    missing = _common(feature).num_missing / rows
    cells = [{"text": percent(missing), "bad": missing > _HALF_MISSING}]
    if feature.WhichOneof("stats") == "num_stats":
        numbers = feature.num_stats
        values = max(int(numbers.common_stats.tot_num_values), 1)
        texts = [
            number(numbers.mean),
            number(numbers.std_dev),
            percent(numbers.num_zeros / values),
            number(numbers.min),
            number(numbers.median),
            number(numbers.max),
        ]
    elif feature.WhichOneof("stats") == "string_stats":
        texts = [number(int(feature.string_stats.unique)), number(feature.string_stats.avg_length)]
    else:
        texts = [number(int(feature.bytes_stats.unique)), number(feature.bytes_stats.avg_num_bytes)]
    return cells + [{"text": text, "bad": False} for text in texts]


def _top(feature: Any) -> list[Any]:
    return list(feature.string_stats.top_values) if feature.WhichOneof("stats") == "string_stats" else []


def _counts(feature: Any) -> dict[str, float]:
    if feature.WhichOneof("stats") != "num_stats":
        return {f"{value.value}: {number(value.frequency)}": value.frequency for value in _top(feature)}
    plain = [h for h in feature.num_stats.histograms if h.type == statistics_pb2.Histogram.STANDARD]
    buckets = plain[0].buckets if plain else ()
    return {
        f"{_edge(bucket.low_value)} to {_edge(bucket.high_value)}: {number(bucket.sample_count)}": bucket.sample_count
        for bucket in buckets
    }


def _edge(value: float) -> str:
    return number(value) if math.isfinite(value) else str(value)
