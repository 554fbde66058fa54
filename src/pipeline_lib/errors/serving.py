"""PL8xx: servers of models, and calls to them."""

from pipeline_lib.errors.base import PipelineError


class ServerUnreachableError(PipelineError):
    """A model server does not answer in time, or not at all."""

    code = "PL801"


class ModelNotServedError(PipelineError):
    """The server has no such model, version or label, or it is not loaded."""

    code = "PL802"


class ServingRefusedError(PipelineError):
    """The server refused a request: inputs, signature or configuration do not fit the model."""

    code = "PL803"


class ServingFailedError(PipelineError):
    """The server accepted a request and failed at it."""

    code = "PL804"


class ServerSettingsError(PipelineError):
    """The local model server cannot start: no model, a port in use, or a place it cannot read."""

    code = "PL805"
