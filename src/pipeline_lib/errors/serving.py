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


class PushFailedError(PipelineError):
    """The base path refused a read or a write, or its ledger is damaged; the version before is still live."""

    code = "PL806"


class PushBusyError(PipelineError):
    """Another push to the same model did not finish in time."""

    code = "PL807"


class PushUndoneError(PipelineError):
    """A version was not confirmed by the servers, and was taken back: what was live before still is."""

    code = "PL808"


class GoldenAnswersError(PipelineError):
    """A server gives other answers to the golden requests than the model that was evaluated."""

    code = "PL809"


class NoSuchVersionError(PipelineError):
    """There is no such version to roll back to, to promote or to unblock."""

    code = "PL810"


class DeploymentBrokenError(PipelineError):
    """A change failed and could not be taken back yet: the servers or the base path do not answer."""

    code = "PL811"


class PushPreemptedError(PipelineError):
    """A rollback or a promotion asked this push to make way; it was taken back."""

    code = "PL812"


class ProxyFailedError(PipelineError):
    """The proxy does not take a split of traffic; the one before is still in force."""

    code = "PL813"


class CanaryAbortedError(PipelineError):
    """A canary failed its gate or got too few requests; all traffic is on the stable version again."""

    code = "PL814"
