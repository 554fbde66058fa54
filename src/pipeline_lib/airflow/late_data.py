"""What a run made stale, in its last task's log and XCom."""

import logging
from typing import TYPE_CHECKING, Any

from pipeline_lib.airflow.runs import TaskRun

if TYPE_CHECKING:
    from pipeline_lib.lineage.queries.staleness import Staleness

_LOG = logging.getLogger("pipeline.late_data")
_LOGGED = 50


def tell_stale(run: TaskRun) -> dict[str, Any]:
    """Look at what the run made, and log what that makes stale.

    Returns:
        `stale` (ids of artifacts) and `run_again` (ISO dates); empty if nothing is.
    """
    # Here, because every DAG file that is read would import all of lineage.
    from pipeline_lib.lineage.queries.staleness import stale_since

    found = stale_since(run.session.store, run.session.store.run_executions(run.context.run_id))
    if not found.artifacts:
        return {}
    _log(found)
    return {
        "stale": [one.artifact.id for one in found.artifacts],
        "run_again": list(found.run_again),
    }


def _log(found: "Staleness") -> None:
    from pipeline_lib.wording import span_text

    spans = sorted({span_text(version.span) for version in found.versions})
    _LOG.warning(
        "%s: there is a new version; what was made from older ones: %d",
        ", ".join(spans),
        len(found.artifacts),
    )
    for one in found.artifacts[:_LOGGED]:
        artifact = one.artifact
        _LOG.warning(
            "stale: %s %s of %s, by %s.%s",
            artifact.type_name,
            artifact.id,
            one.run_span or "no span",
            artifact.pipeline,
            artifact.node,
        )
    _LOG.warning("run again: %s", ", ".join(found.run_again) or "what made these")
