"""PC7xx: the errors of validate_infra."""

from pipeline_lib.errors import PipelineError


class TrialError(PipelineError):
    """The trial of a model in a server could not be held: no server, or no rows to send."""

    code = "PC701"
