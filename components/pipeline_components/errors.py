"""The errors of the components: one class per code, listed in docs/errors.md.

PC1xx: ingest. PC2xx: statistics, schema, validation. PC3xx: transform. PC4xx: train. PC5xx: evaluate.
PC6xx: push.
"""

from pipeline_lib.errors import PipelineError


# --- PC5xx: evaluate ------------------------------------------------------------------------------------


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


# --- PC6xx: push ----------------------------------------------------------------------------------------


class NoDestinationError(PipelineError):
    """Neither the component nor the profile says where to push to."""

    code = "PC601"


class NotServableError(PipelineError):
    """The model's directory holds nothing that TensorFlow Serving could load."""

    code = "PC602"


class PushFailedError(PipelineError):
    """The destination refused a write; nothing of the new version is left there."""

    code = "PC603"


class PushBusyError(PipelineError):
    """Another push to the same model did not finish in time."""

    code = "PC604"


# --- PC3xx: transform ------------------------------------------------------------------------------------


class PreprocessingMissingError(PipelineError):
    """The user's module has no usable `preprocessing_fn`."""

    code = "PC301"


class PreprocessingFailedError(PipelineError):
    """The user's `preprocessing_fn` raised, or returned what is not a dict of tensors."""

    code = "PC302"


class RequiredColumnError(PipelineError):
    """A column that the schema requires is not in a file."""

    code = "PC303"


class ColumnTypeError(PipelineError):
    """A column's values do not fit the type the schema gives it."""

    code = "PC304"


class NothingToAnalyseError(PipelineError):
    """The splits to analyse are absent or hold no rows."""

    code = "PC305"


class UnknownTfxNameError(PipelineError):
    """A module written for TFX imports a name of tfx that has no equivalent here."""

    code = "PC306"


# --- PC4xx: train ----------------------------------------------------------------------------------------


class TrainingModuleError(PipelineError):
    """The user's module has neither `run_fn` nor `build` and `LABEL`."""

    code = "PC401"


class ModelNotWrittenError(PipelineError):
    """`run_fn` returned without a SavedModel in `fn_args.serving_model_dir`."""

    code = "PC402"


class LossNotFiniteError(PipelineError):
    """The loss became NaN or infinite."""

    code = "PC403"


class TrainingDataError(PipelineError):
    """No file, no row, or no label in what training should read."""

    code = "PC404"


class TrainingFailedError(PipelineError):
    """The user's training code raised."""

    code = "PC405"


class ExportError(PipelineError):
    """A model cannot be exported together with its transform graph."""

    code = "PC406"


class WarmStartError(PipelineError):
    """The base model keeps nothing that a new model could start from."""

    code = "PC407"


# --- PC1xx: ingest --------------------------------------------------------------------------------------


class PatternError(PipelineError):
    """A source's pattern has an unknown token, one twice, half a date, or a version without a span."""

    code = "PC101"


class SpanNotGivenError(PipelineError):
    """The source names spans, and the pipeline does not say which one to take."""

    code = "PC102"


class MissingSpanError(PipelineError):
    """The span that was asked for has no files, or not yet."""

    code = "PC103"


class NoSourceFilesError(PipelineError):
    """A source matches no file."""

    code = "PC104"


class UnexpectedSpanError(PipelineError):
    """A span was asked for, and the source names none."""

    code = "PC105"


class VersionMismatchError(PipelineError):
    """Splits of one span have different newest versions."""

    code = "PC106"


class SplitError(PipelineError):
    """Splits are named or shared out in a way that cannot be, or are given twice."""

    code = "PC107"


class EmptySplitError(PipelineError):
    """A split would get no rows."""

    code = "PC108"


class SourceFormatError(PipelineError):
    """A source file is not what it should be: empty, ragged, not UTF-8, damaged."""

    code = "PC109"


class SourceHeaderError(PipelineError):
    """Column names are missing, doubled, or differ between the files of a source."""

    code = "PC110"


class SourceTypeError(PipelineError):
    """A value does not fit its column's type, or a column's type cannot be stored."""

    code = "PC111"


class SourceChangedError(PipelineError):
    """A source file changed between its digest and its reading."""

    code = "PC112"


class MissingColumnError(PipelineError):
    """A column that a parameter names is not in the data."""

    code = "PC113"


class QueryError(PipelineError):
    """The database refused the connection or the query."""

    code = "PC114"


# --- PC2xx: statistics, schema, validation ----------------------------------------------------------------


class SplitNotFoundError(PipelineError):
    """A split that a parameter names is not among those of the input."""

    code = "PC201"


class SchemaFileError(PipelineError):
    """A schema file cannot be found or read."""

    code = "PC202"


class FeatureNotFoundError(PipelineError):
    """A feature that a parameter names is not in the schema."""

    code = "PC203"


class ComparatorError(PipelineError):
    """A drift or skew threshold cannot be used."""

    code = "PC204"


class AnomaliesFoundError(PipelineError):
    """The data has anomalies that nobody waived."""

    code = "PC205"


class StatisticsError(PipelineError):
    """Statistics cannot be computed with these options, or cannot be read."""

    code = "PC206"


class EnvironmentNotFoundError(PipelineError):
    """The schema has no environment of that name."""

    code = "PC207"
