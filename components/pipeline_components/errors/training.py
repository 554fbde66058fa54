"""PC4xx: the errors of train."""

from pipeline_lib.errors import PipelineError


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
