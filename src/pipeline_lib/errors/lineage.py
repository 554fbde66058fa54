"""PL9xx: lineage."""

from pipeline_lib.errors.base import PipelineError


class UnknownSubjectError(PipelineError):
    """No artifact, version, file or span of that name is in the store."""

    code = "PL901"


class AmbiguousSubjectError(PipelineError):
    """A version, time or file stands for several things."""

    code = "PL902"


class NotAModelError(PipelineError):
    """A model was asked for, and the artifact is none."""

    code = "PL903"


class LineageCycleError(PipelineError):
    """The store says that an artifact is its own ancestor."""

    code = "PL904"


class LineageQueryError(PipelineError):
    """A question about lineage cannot be understood: a subject, a time, a span, a limit."""

    code = "PL905"
