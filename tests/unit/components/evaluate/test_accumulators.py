"""The algebra of sums: however rows are divided into batches, the totals are the same."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_model_analysis.metrics import metric_specs

from pipeline_components.evaluate import Metric, _config
from pipeline_components.evaluate._accumulators import Histogram, Rows, kernel_for

HISTOGRAMS = st.dictionaries(st.integers(0, 9), st.integers(-50, 50), max_size=6).map(
    lambda cells: Histogram(
        np.array(sorted(cells), np.int64), np.array([[float(cells[key]) for key in sorted(cells)]])
    )
)


def as_dict(histogram: Histogram) -> dict[int, float]:
    return dict(zip(histogram.buckets.tolist(), histogram.sums[0].tolist(), strict=True))


@given(a=HISTOGRAMS, b=HISTOGRAMS, c=HISTOGRAMS)
def test_histograms_add_up(a: Histogram, b: Histogram, c: Histogram) -> None:
    assert as_dict(a + b) == as_dict(b + a)
    assert as_dict((a + b) + c) == as_dict(a + (b + c))
    assert sum(as_dict(a + b).values()) == sum(as_dict(a).values()) + sum(as_dict(b).values())


def kernels() -> list[Any]:
    names = ("ExampleCount", "AUC", "Precision", "Calibration", "MeanSquaredError")
    config = _config.from_criteria([Metric(name) for name in names], [], min_slice_size=1, confidence="none")
    config = _config.judgement(config, label="l", weight=None, has_baseline=False).config
    computations = metric_specs.to_computations(config.metrics_specs, eval_config=config)
    found = [kernel_for(each) for each in computations if hasattr(each, "combiner")]
    assert None not in found
    return found


KERNELS = kernels()


def flat(state: Any) -> list[float]:
    if isinstance(state, Histogram):
        return [*map(float, state.buckets), *state.sums.reshape(-1).tolist()]
    return np.asarray(state).reshape(-1).tolist()


@given(
    labels=st.lists(st.integers(0, 1), min_size=2, max_size=20),
    cut=st.integers(0, 20),
    seed=st.integers(0, 2**16),
)
def test_batches_do_not_matter(labels: list[int], cut: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    count = len(labels)
    # Eighths are exact in binary, so sums do not depend on their order.
    predictions, weights = random.integers(0, 9, count) / 8, random.integers(0, 9, count) / 8
    slices = random.integers(0, 3, count)

    def rows(part: slice) -> Rows:
        return Rows(np.array(labels, float)[part], predictions[part], weights[part], slices[part], 3)

    for kernel in KERNELS:
        whole = kernel.sums(rows(slice(None)))
        left, right = kernel.sums(rows(slice(0, cut))), kernel.sums(rows(slice(cut, None)))
        for one, two, both in zip(left, right, whole, strict=True):
            assert flat(one + two) == flat(both)
