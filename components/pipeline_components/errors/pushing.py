"""PC6xx: the errors of push."""

from pipeline_lib.errors import PipelineError


class NoDestinationError(PipelineError):
    """Neither the component nor the profile says where to push to."""

    code = "PC601"


class NotServableError(PipelineError):
    """The model's directory holds nothing that TensorFlow Serving could load."""

    code = "PC602"
