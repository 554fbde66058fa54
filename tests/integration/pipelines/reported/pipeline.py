"""read -> count."""

from typing import Annotated

from pydantic import Field

from pipeline_lib import pipeline
from reported.components import count, read


@pipeline(name="reported")
def reported(source: str, span: int = 7, times: Annotated[int, Field(ge=1)] = 1) -> None:
    """Count rows.

    Args:
        source: A text file.
        span: Of it.
        times: Count so often.
    """
    count(read(source=source, span=span), times=times)
