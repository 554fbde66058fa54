"""TFMA's combiners that merge wrongly, mended.

Where TFMA 0.47.1's cross entropies, regression errors, flips, and differences and similarities of predictions
merge a list of accumulators, they begin with the first and then add them all, the first included: it counts
twice, and the figure depends on how Beam has bundled the rows. Given an iterator they are right.
"""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from tensorflow_model_analysis.metrics import cross_entropy_metrics as entropies
from tensorflow_model_analysis.metrics import flip_metrics as flips
from tensorflow_model_analysis.metrics import mean_regression_error as regression
from tensorflow_model_analysis.metrics import model_cosine_similarity as similarity
from tensorflow_model_analysis.metrics import prediction_difference_metrics as differences


class _EachOnce:
    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        return super().merge_accumulators(iter(accumulators))  # type: ignore[misc]


# Each by its own name in this module: by that Beam's workers find them, and import what mends them.


class _BinaryCrossEntropy(_EachOnce, entropies._BinaryCrossEntropyCombiner):  # type: ignore[misc]
    pass


class _CategoricalCrossEntropy(_EachOnce, entropies._CategoricalCrossEntropyCombiner):  # type: ignore[misc]
    pass


class _MeanAbsoluteError(_EachOnce, regression._MeanAbsoluteErrorCombiner):  # type: ignore[misc]
    pass


class _MeanSquaredError(_EachOnce, regression._MeanSquaredErrorCombiner):  # type: ignore[misc]
    pass


class _MeanAbsolutePercentageError(_EachOnce, regression._MeanAbsolutePercentageErrorCombiner):  # type: ignore[misc]
    pass


class _MeanSquaredLogarithmicError(_EachOnce, regression._MeanSquaredLogarithmicErrorCombiner):  # type: ignore[misc]
    pass


class _Flips(_EachOnce, flips._BooleanFlipCountsCombiner):  # type: ignore[misc]
    pass


class _PredictionDifference(_EachOnce, differences._SymmetricPredictionDifferenceCombiner):  # type: ignore[misc]
    pass


class _CosineSimilarity(_EachOnce, similarity._ModelCosineSimilarityCombiner):  # type: ignore[misc]
    pass


MENDED: tuple[tuple[ModuleType, type], ...] = (
    (entropies, _BinaryCrossEntropy),
    (entropies, _CategoricalCrossEntropy),
    (regression, _MeanAbsoluteError),
    (regression, _MeanSquaredError),
    (regression, _MeanAbsolutePercentageError),
    (regression, _MeanSquaredLogarithmicError),
    (flips, _Flips),
    (differences, _PredictionDifference),
    (similarity, _CosineSimilarity),
)
"""TFMA's module, and what stands there instead of its own combiner."""


def mend_tfma() -> None:
    """Have TFMA plan with the mended combiners, in this process; the plan takes them to the workers."""
    for module, mended in MENDED:
        setattr(module, stock_kind(mended).__name__, mended)


def stock_kind(kind: type) -> type:
    """TFMA's own class of a combiner, mended or not."""
    return kind.__bases__[1] if issubclass(kind, _EachOnce) else kind
