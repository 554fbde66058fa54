"""Events that OpenLineage's own classes take back, field by field."""

import uuid
from datetime import datetime

import attr
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    execution_parameters_run,
    parent_run,
    schema_dataset,
)

from pipeline_lib.lineage import upstream
from pipeline_lib.lineage.export.openlineage_events import openlineage_events
from unit.lineage.conftest import Audited

FACETS = {
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "parent": parent_run.ParentRunFacet,
    "schema": schema_dataset.SchemaDatasetFacet,
    "executionParameters": execution_parameters_run.ExecutionParametersRunFacet,
}


def test_the_specification_s_classes_take_every_event(audited: Audited) -> None:
    events = openlineage_events(upstream(audited.store, audited.made("Model")[2:]))
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"] * 3
    for event in events:
        assert event["schemaURL"].startswith("https://openlineage.io/spec/")
        uuid.UUID(event["run"]["runId"])
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        rebuilt = RunEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            eventType=RunState(event["eventType"]),
            run=Run(runId=event["run"]["runId"]),
            job=Job(namespace=event["job"]["namespace"], name=event["job"]["name"]),
            inputs=[InputDataset(namespace=one["namespace"], name=one["name"]) for one in event["inputs"]],
            outputs=[OutputDataset(namespace=one["namespace"], name=one["name"]) for one in event["outputs"]],
        )
        assert attr.asdict(rebuilt)["run"]["runId"] == event["run"]["runId"]
        facets = [*event["run"]["facets"].items()]
        facets += [item for one in (*event["inputs"], *event["outputs"]) for item in one["facets"].items()]
        for name, facet in facets:
            known = {field.name for field in attr.fields(FACETS[name])}
            assert set(facet) <= known, name
            assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/")


def test_files_and_artifacts_are_datasets_with_versions(audited: Audited) -> None:
    lineage = upstream(audited.store, audited.made("Model")[:1])
    ingest = openlineage_events(lineage)[1]
    assert [one["name"] for one in ingest["inputs"]] == ["one.csv"]
    (examples,) = ingest["outputs"]
    assert examples["facets"]["version"]["datasetVersion"] == audited.made("Examples")[0].digest
    assert examples["namespace"] == "file"


def test_an_export_is_the_same_every_time(audited: Audited) -> None:
    lineage = upstream(audited.store, audited.made("Model")[:1])
    assert openlineage_events(lineage) == openlineage_events(lineage)
