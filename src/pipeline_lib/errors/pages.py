"""PL92x: the pages over the metadata store."""

from pipeline_lib.errors.base import PipelineError


class PageServerError(PipelineError):
    """The pages cannot be served there: the address is taken, or would be open to others without a token."""

    code = "PL920"
