"""PC3xx: the errors of transform."""

from pipeline_lib.errors import PipelineError


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
