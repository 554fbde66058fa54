"""PC1xx: the errors of ingest."""

from pipeline_lib.errors import DataMissingError, PipelineError


class PatternError(PipelineError):
    """A source's pattern has an unknown token, one twice, half a date, or a version without a span."""

    code = "PC101"


class SpanNotGivenError(PipelineError):
    """The source names spans, and the pipeline does not say which one to take."""

    code = "PC102"


class MissingSpanError(DataMissingError):
    """The span that was asked for has no files, or not yet."""

    code = "PC103"


class NoSourceFilesError(PipelineError):
    """A source matches no file, or a file that cannot be read."""

    code = "PC104"


class UnexpectedSpanError(PipelineError):
    """A span was asked for, and the source names none."""

    code = "PC105"


class VersionMismatchError(PipelineError):
    """Splits of one span have different newest versions."""

    code = "PC106"


class SplitError(PipelineError):
    """Splits are named or shared out in a way that cannot be, or are given twice."""

    code = "PC107"


class EmptySplitError(PipelineError):
    """A split would get no rows."""

    code = "PC108"


class SourceFormatError(PipelineError):
    """A source file is not what it should be: empty, ragged, not UTF-8, damaged."""

    code = "PC109"


class SourceHeaderError(PipelineError):
    """Column names are missing, doubled, or differ between the files of a source."""

    code = "PC110"


class SourceTypeError(PipelineError):
    """A value does not fit its column's type, or a column's type cannot be stored."""

    code = "PC111"


class SourceChangedError(PipelineError):
    """A source file changed between its digest and its reading."""

    code = "PC112"


class MissingColumnError(PipelineError):
    """A column that a parameter names is not in the data."""

    code = "PC113"


class QueryError(PipelineError):
    """The database refused the connection or the query."""

    code = "PC114"


class DoubledSpanError(PipelineError):
    """A span or version is there twice, written in different ways."""

    code = "PC115"
