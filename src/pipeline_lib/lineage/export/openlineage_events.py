"""A lineage as OpenLineage events: what any catalogue that speaks OpenLineage reads.

Source:
    OpenLineage specification, https://openlineage.io/spec/2-0-2/OpenLineage.json, by its client's classes.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline_lib.hashing import canonical_json
from pipeline_lib.lineage.queries.graph import Lineage, inputs_of, outputs_of
from pipeline_lib.lineage.queries.sources import SourceFile, source_files
from pipeline_lib.metadata.records import State, StoredArtifact, StoredExecution

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, RunEvent

PRODUCER = "https://pypi.org/project/pipeline-lib"
# Run ids must be UUIDs: made of ours, so that the same run has the same one in every export.
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, PRODUCER)
_ENDS = {State.FAILED: "FAIL", State.CANCELED: "ABORT", State.RUNNING: "RUNNING"}


def openlineage_events(lineage: Lineage) -> tuple[Mapping[str, Any], ...]:
    """A START event and one for its end for every execution, as plain JSON, oldest first."""
    from openlineage.client.serde import Serde

    return tuple(Serde.to_dict(event) for execution in lineage.executions for event in _events(execution))


def _events(execution: StoredExecution) -> Iterator["RunEvent"]:
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

    ended = RunState(_ENDS.get(execution.state, "COMPLETE"))
    read = [
        InputDataset(namespace=namespace, name=name, facets=_facets(artifact))
        for artifact in inputs_of(execution)
        for namespace, name in [_place(artifact.uri)]
    ]
    read += [_file(file) for file in source_files([execution])]
    made = [
        OutputDataset(namespace=namespace, name=name, facets=_facets(artifact))
        for artifact in outputs_of(execution)
        for namespace, name in [_place(artifact.uri)]
    ]
    job = Job(namespace=execution.key.pipeline or "unknown", name=_job_name(execution))
    run = Run(runId=_run_id("execution", str(execution.id)), facets=_run_facets(execution))
    for state, time in ((RunState.START, execution.started_at), (ended, execution.updated_at)):
        yield RunEvent(
            eventTime=_time(time),
            producer=PRODUCER,
            run=run,
            job=job,
            eventType=state,
            inputs=read,
            outputs=[] if state == RunState.START else made,
        )


def _run_facets(execution: StoredExecution) -> dict[str, Any]:
    from openlineage.client.facet_v2 import execution_parameters_run, parent_run

    facts = {
        name: execution.facts[name]
        for name in ("git_commit", "git_dirty", "environment_digest", "user")
        if execution.facts.get(name) not in (None, "")
    }
    told = {**{f"parameter.{name}": value for name, value in execution.parameters.items()}, **facts}
    parameters = [
        execution_parameters_run.ExecutionParameter(
            key=name, value=told[name] if isinstance(told[name], str) else canonical_json(told[name])
        )
        for name in sorted(told)
    ]
    return {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(runId=_run_id("run", execution.key.run_id)),
            job=parent_run.Job(
                namespace=execution.key.pipeline or "unknown", name=execution.key.pipeline or "unknown"
            ),
            producer=PRODUCER,
        ),
        "executionParameters": execution_parameters_run.ExecutionParametersRunFacet(
            parameters=parameters, producer=PRODUCER
        ),
    }


def _facets(artifact: StoredArtifact) -> dict[str, Any]:
    from openlineage.client.facet_v2 import dataset_version_dataset, schema_dataset

    facets: dict[str, Any] = {}
    if artifact.digest:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=artifact.digest, producer=PRODUCER
        )
    columns = artifact.properties.get("columns")
    if isinstance(columns, list | tuple) and columns:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(
            fields=[schema_dataset.SchemaDatasetFacetFields(name=str(name)) for name in columns],
            producer=PRODUCER,
        )
    return facets


def _file(file: SourceFile) -> "InputDataset":
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import dataset_version_dataset

    version = dataset_version_dataset.DatasetVersionDatasetFacet(
        datasetVersion=file.sha256, producer=PRODUCER
    )
    namespace, name = _place(file.name)
    return InputDataset(namespace=namespace, name=name, facets={"version": version})


def _place(uri: str) -> tuple[str, str]:
    """Namespace and name, as OpenLineage's naming has them for files and object stores."""
    parts = urlsplit(uri) if "://" in uri else None
    if parts is None or parts.scheme == "file":
        return "file", (uri if parts is None else parts.path) or "unknown"
    return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/") or "/"


def _job_name(execution: StoredExecution) -> str:
    return execution.key.node or execution.type_name


def _run_id(kind: str, text: str) -> str:
    return str(uuid.uuid5(_IDS, f"{kind} {text}"))


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")
