"""Links from a task to our pages, shown among its details; told by the task itself when it ends."""

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from pipeline_lib.airflow.views import inside_airflow
from pipeline_lib.errors import PipelineError
from pipeline_lib.runtime.results import NodeResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import BaseOperator

    from pipeline_lib.runtime.session import Session

_REPORT = ".html"


class PipelineLink(BaseOperatorLink):
    """A link to one of our pages; a task that has none leaves it empty.

    Attributes:
        page: Which of the pages that `pages_of` tells.
    """

    page: ClassVar[str]

    def get_link(self, operator: "BaseOperator", *, ti_key: Any) -> str:
        """Called in the task's process when it has ended."""
        del ti_key
        pages: Mapping[str, str] = getattr(operator, "pages", {})
        if self.page not in pages:
            return ""
        return address_of(pages[self.page])


class ReportLink(PipelineLink):
    """The report of what the node made: statistics, anomalies, evaluation."""

    name = "Report"
    page = "report"


class ExecutionLink(PipelineLink):
    """What the node read, was given and made."""

    name = "Execution"
    page = "execution"


class LineageLink(PipelineLink):
    """Where the outputs come from."""

    name = "Lineage"
    page = "lineage"


class CachedFromLink(PipelineLink):
    """The execution whose outputs were taken, of a node that came from the cache."""

    name = "Cached from"
    page = "cached"


LINKS = (ReportLink(), ExecutionLink(), LineageLink(), CachedFromLink())


def address_of(page: str) -> str:
    """Where Airflow's UI shows one of our pages, as a link from any other page of it."""
    prefix = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return f"{prefix}{inside_airflow(page)}"


def pages_of(session: "Session", result: NodeResult) -> dict[str, str]:
    """The pages about a node that ended, below the application's root; one store call if it was cached."""
    if result.execution_id is None:
        return {}
    execution = f"/executions/{result.execution_id}"
    pages = {"execution": execution}
    if result.outputs:
        pages["lineage"] = f"{execution}/lineage"
    for artifact in [artifact for artifacts in result.outputs.values() for artifact in artifacts]:
        if _has_report(session, artifact.uri, artifact.digest):
            pages["report"] = f"/artifacts/{artifact.id}#report"
            break
    if result.outcome is Outcome.CACHED:
        recorded = session.store.execution(result.execution_id)
        source = recorded.facts.get("cached_from") if recorded is not None else None
        if source:
            pages["cached"] = f"/executions/{source}"
    return pages


def _has_report(session: "Session", uri: str, digest: str) -> bool:
    try:
        return any(file.path.endswith(_REPORT) for file in session.artifacts.manifest(uri, digest).files)
    except PipelineError:
        return False
