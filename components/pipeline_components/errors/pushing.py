"""PC6xx: the errors of push."""

from pipeline_lib.errors import PipelineError


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
