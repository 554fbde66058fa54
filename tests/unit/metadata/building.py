"""What tests of stores put into them: a pipeline of flights."""

import dataclasses
from typing import Any

from pipeline_lib.metadata.records import (
    NewArtifact,
    NewExecution,
    NodeKey,
    Ports,
    Run,
    State,
    StoredArtifact,
)
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import ArtifactType, CodeRef, PropertyType

AWKWARD = 'it\'s a "quoted" \\ back\\slash\nwith `ticks`, %5C, \t, $0 and é☃😀'
EXAMPLES = ArtifactType(
    code=CodeRef(module="pipeline_lib.artifacts.standard", qualname="Examples"),
    base_type="Dataset",
    properties={
        "span": PropertyType(kind="int"),
        "version": PropertyType(kind="int"),
        "split_names": PropertyType(kind="json"),
        "rows": PropertyType(kind="json", declared=False),
    },
)
BLESSING = ArtifactType(
    code=CodeRef(module="pipeline_lib.artifacts.standard", qualname="ModelBlessing"),
    properties={
        "blessed": PropertyType(kind="bool", declared=False),
        "accuracy": PropertyType(kind="float", declared=False),
        "current_model": PropertyType(kind="str", declared=False),
        "day": PropertyType(kind="date", declared=False),
    },
)
TYPES = {"Examples": EXAMPLES, "ModelBlessing": BLESSING}


def key(node: str = "ingest", run_id: str = "run-1", iteration: tuple[int, ...] = ()) -> NodeKey:
    return NodeKey(pipeline="flights", run_id=run_id, node=node, iteration=iteration)


def new(
    node: str = "ingest", run_id: str = "run-1", *, inputs: Ports | None = None, **changes: Any
) -> NewExecution:
    made = NewExecution(
        key=key(node, run_id),
        type_name=f"components.{node}",
        cache_key="c0ffee",
        inputs=inputs or {},
        parameters={"steps": 10, "name": "x"},
        facts={"host": "h", "try": 1},
    )
    return dataclasses.replace(made, **changes)


def examples(uri: str = "/artifacts/1", *, span: int = 3, digest: str = "d1") -> NewArtifact:
    return NewArtifact(
        type_name="Examples",
        uri=uri,
        digest=digest,
        size_bytes=12,
        properties={"span": span, "version": 0, "split_names": ["train", "eval"], "rows": {"train": 9}},
    )


def ready(store: Store, run_id: str = "run-1", span: str = "2013-01-01") -> None:
    store.register_types(TYPES)
    store.open_run(Run(pipeline="flights", run_id=run_id, state=State.RUNNING, span=span))


def publish(
    store: Store, node: str = "ingest", run_id: str = "run-1", *artifacts: NewArtifact
) -> tuple[int, StoredArtifact]:
    execution_id = store.start(new(node, run_id))
    made = artifacts or (examples(f"/artifacts/{node}/{run_id}"),)
    outputs = store.complete(execution_id, key(node, run_id), {"examples": made}, {})
    return execution_id, outputs["examples"][0]
