"""PL7xx: pipelines in Airflow."""

from pipeline_lib.errors.base import PipelineError


class UntranslatableError(PipelineError):
    """A plan holds something that its Airflow DAG could not honour."""

    code = "PL701"


class SpanUnknownError(PipelineError):
    """A DAG run was given no day, and has no interval or partition to take it from."""

    code = "PL702"


class AirflowNotStartedError(PipelineError):
    """A local Airflow does not come up."""

    code = "PL703"


class NotifierError(PipelineError):
    """A notifier that the profile names cannot be imported, is none, or refuses its arguments."""

    code = "PL704"
