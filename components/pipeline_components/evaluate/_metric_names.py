"""From the names people write to the classes TFMA and Keras have."""

import difflib
import re

import tf_keras
from tensorflow_model_analysis.metrics import metric_types

from pipeline_components.errors import UnknownMetricError

_LOWER_IS_BETTER = frozenset(
    {
        "BinaryCrossEntropy",
        "BinaryCrossentropy",
        "CategoricalCrossEntropy",
        "CategoricalCrossentropy",
        "FN",
        "FNR",
        "FP",
        "FPR",
        "FallOut",
        "FalseDiscoveryRate",
        "FalseNegatives",
        "FalseOmissionRate",
        "FalsePositives",
        "KLDivergence",
        "LogCoshError",
        "MeanAbsoluteError",
        "MeanAbsolutePercentageError",
        "MeanRelativeError",
        "MeanSquaredError",
        "MeanSquaredLogarithmicError",
        "MinLabelPosition",
        "MissRate",
        "RootMeanSquaredError",
        "SparseCategoricalCrossentropy",
    }
)
_NO_DIRECTION = frozenset(
    {
        "Calibration",
        "ExampleCount",
        "Mean",
        "MeanLabel",
        "MeanPrediction",
        "PredictedPositiveRate",
        "Prevalence",
        "WeightedExampleCount",
    }
)
_SHORT = {
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "mse": "MeanSquaredError",
    "msle": "MeanSquaredLogarithmicError",
    "rmse": "RootMeanSquaredError",
    "accuracy": "BinaryAccuracy",
    "f1": "F1Score",
    "log_loss": "BinaryCrossEntropy",
}


def metric_class(name: str) -> str:
    """The class that a metric's name means: itself, its snake_case, or a usual short form.

    Args:
        name: `"AUC"`, `"auc"`, `"mean_squared_error"`, `"rmse"`.

    Returns:
        The class name as TFMA's registry or `tf_keras.metrics` has it.

    Raises:
        UnknownMetricError: There is none; the message has the nearest name.
    """
    known = _known_classes()
    if name in known:
        return name
    folded = {_fold(each): each for each in known}
    found = _SHORT.get(name.lower()) or folded.get(_fold(name))
    if found:
        return found
    near = difflib.get_close_matches(_fold(name), folded, n=1, cutoff=0.5)
    raise UnknownMetricError(
        f"there is no metric {name!r}",
        fix=f"did you mean {folded[near[0]]!r}?" if near else "use a class name of TFMA or tf_keras.metrics",
    )


def higher_is_better(class_name: str) -> bool | None:
    """Which way a metric improves, or None if neither way is better in itself."""
    if class_name in _NO_DIRECTION:
        return None
    return class_name not in _LOWER_IS_BETTER


def _known_classes() -> set[str]:
    keras = {
        name
        for name, kind in vars(tf_keras.metrics).items()
        if isinstance(kind, type) and issubclass(kind, tf_keras.metrics.Metric) and len(name) > len("MSLE")
    }
    return keras | set(metric_types.registered_metrics())


def _fold(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
