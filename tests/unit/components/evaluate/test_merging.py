"""TFMA's combiners count each accumulator once, whatever the bundles."""

import copy
import pickle
from collections.abc import Iterator

import numpy as np
import pytest
from tensorflow_model_analysis.metrics import cross_entropy_metrics as entropies
from tensorflow_model_analysis.metrics import metric_types

from pipeline_components.evaluate import _merging
from pipeline_components.evaluate._merging import MENDED, mend_tfma, stock_kind

KEY = metric_types.MetricKey("log_loss")
ROWS = [(1.0, 0.9), (0.0, 0.4), (1.0, 0.2)]
LOG_LOSS = -np.mean([np.log(0.9), np.log(0.6), np.log(0.2)])


@pytest.fixture
def mended() -> Iterator[None]:
    stock = [(module, stock_kind(kind)) for module, kind in MENDED]
    mend_tfma()
    yield
    for module, kind in stock:
        setattr(module, kind.__name__, kind)


def combiner(kind: type) -> entropies._CrossEntropyCombiner:
    return kind(
        eval_config=None,
        model_name="",
        output_name="",
        metric_key=KEY,
        aggregation_type=None,
        class_weights=None,
        example_weighted=False,
    )


def log_loss(of: entropies._CrossEntropyCombiner) -> float:
    """Of two bundles, the second of two rows."""
    bundles = [of.create_accumulator(), of.create_accumulator()]
    for number, (label, prediction) in enumerate(ROWS):
        row = metric_types.StandardMetricInputs(
            label=np.array([label]), prediction=np.array([prediction]), example_weight=np.array([1.0])
        )
        of.add_input(bundles[min(number, 1)], row)
    return float(of.extract_output(of.merge_accumulators(copy.deepcopy(bundles)))[KEY])


def test_a_log_loss_does_not_depend_on_the_bundles() -> None:
    assert log_loss(combiner(_merging._BinaryCrossEntropy)) == pytest.approx(LOG_LOSS, rel=1e-6)


def test_tfma_itself_still_counts_the_first_bundle_twice() -> None:
    """Where this fails, TFMA is mended: then `_merging` can go."""
    stock = stock_kind(_merging._BinaryCrossEntropy)
    assert log_loss(combiner(stock)) != pytest.approx(LOG_LOSS, rel=1e-3)


@pytest.mark.usefixtures("mended")
def test_tfma_plans_with_what_workers_find_here() -> None:
    computation = entropies._binary_cross_entropy_computations(name="log_loss")[0]
    assert type(computation.combiner) is _merging._BinaryCrossEntropy
    assert type(pickle.loads(pickle.dumps(computation.combiner))) is _merging._BinaryCrossEntropy
    mend_tfma()
    assert entropies._BinaryCrossEntropyCombiner is _merging._BinaryCrossEntropy


@pytest.mark.parametrize(("module", "kind"), MENDED)
def test_every_mended_combiner_hands_on_an_iterator(
    module: object, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    merge = "merge_accumulators"
    base = next(one for one in stock_kind(kind).__mro__ if merge in vars(one))
    monkeypatch.setattr(base, merge, lambda _, accumulators: given.append(accumulators))
    kind.merge_accumulators(kind.__new__(kind), [1, 2])  # type: ignore[attr-defined]
    assert not isinstance(given[0], list)
    assert list(given[0]) == [1, 2]  # type: ignore[call-overload]
