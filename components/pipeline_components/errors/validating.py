"""PC2xx: the errors of statistics, schema and validation."""

from pipeline_lib.errors import PipelineError


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
