"""PC5xx: the errors of evaluate."""

from pipeline_lib.errors import PipelineError


class UnknownColumnError(PipelineError):
    """The examples have no such column: a label, a weight, a slice, or an input of the model."""

    code = "PC501"


class UnknownMetricError(PipelineError):
    """Neither TFMA nor Keras has a metric of that name, or its arguments do not fit."""

    code = "PC502"


class MetricBoundError(PipelineError):
    """A bound on a metric cannot be checked: no direction, no slice, or no baseline to compare with."""

    code = "PC503"


class EvalConfigError(PipelineError):
    """The TFMA configuration cannot be parsed, or asks for what this component does not do."""

    code = "PC504"


class UnusableModelError(PipelineError):
    """A model has no SavedModel, or no signature that can predict from raw columns or tf.Examples."""

    code = "PC505"


class NonFinitePredictionError(PipelineError):
    """A model predicts NaN or an infinity."""

    code = "PC506"


class UnknownSplitError(PipelineError):
    """The examples have no such split."""

    code = "PC507"


class LabelValueError(PipelineError):
    """Labels are missing, are text, or lie outside 0 to 1 for a binary metric."""

    code = "PC508"
