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


class RetentionError(PipelineError):
    """What retention is asked to remove cannot be understood."""

    code = "PL906"


class AuditKeyError(PipelineError):
    """The key that signs or verifies audit reports is missing, or is no Ed25519 key."""

    code = "PL907"


class AuditMismatchError(PipelineError):
    """An audit report is not as it was signed: it was changed, signed by another key, or not signed."""

    code = "PL908"


class ExportError(PipelineError):
    """Lineage cannot be written in the format asked for."""

    code = "PL909"
