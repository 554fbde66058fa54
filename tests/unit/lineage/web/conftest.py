"""Pages over the store of the `audited` runs, and over one whose every name is an attack."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store
from pipeline_lib.lineage.web.standalone import standalone_application
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import ArtifactType, CodeRef
from unit.lineage.conftest import Audited, Counting

ATTACK = "\"'><script>alert(1)</script>"
REPORT = b"<h1>Report</h1><script>alert(1)</script>"


@pytest.fixture(scope="session")
def client(audited: Audited) -> Iterator[TestClient]:
    with client_of(audited.store, artifacts_of(audited.folder)) as client:
        yield client


@pytest.fixture
def counted(audited: Audited) -> Iterator[tuple[TestClient, Counting]]:
    store = Counting(audited.store)
    with client_of(store, artifacts_of(audited.folder)) as client:
        yield client, store


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    client: TestClient
    store: Store
    artifacts: ArtifactStore
    artifact_id: int
    uri: str
    run_id: str


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[Attacked]:
    """One artifact with a report, whose names and values hold HTML."""
    artifacts = artifacts_of(tmp_path)
    staged = artifacts.staging("one") / "out"
    (staged / "more").mkdir(parents=True)
    (staged / "report.html").write_bytes(REPORT)
    (staged / "more" / "secret.txt").write_text("not for show")
    manifest = artifacts.seal(staged, "Report", {})
    uri = artifacts.publish(staged, manifest, pipeline="p", node="n", port="o", execution_id=1)
    key = NodeKey(pipeline=f"p{ATTACK}", run_id=f"r/{ATTACK}", node=f"n{ATTACK}")
    with open_store(f"sqlite:///{tmp_path}/metadata.sqlite") as store:
        store.register_types({"Report": ArtifactType(code=CodeRef(module="t", qualname="Report"))})
        store.open_run(
            Run(pipeline=key.pipeline, run_id=key.run_id, state=State.COMPLETE, parameters={"p": ATTACK})
        )
        new = NewExecution(
            key=key,
            type_name="t.t",
            cache_key="",
            inputs={},
            parameters={"source": ATTACK},
            facts={"user": ATTACK},
        )
        execution = store.start(new)
        made = NewArtifact(
            type_name="Report",
            uri=uri,
            digest=manifest.digest,
            properties={"note": ATTACK, "list": [ATTACK] * 9},
        )
        ports = store.complete(execution, key, {"o": [made]}, {"user": ATTACK})
        with client_of(store, artifacts) as client:
            yield Attacked(
                client=client,
                store=store,
                artifacts=artifacts,
                artifact_id=ports["o"][0].id,
                uri=uri,
                run_id=key.run_id,
            )


def artifacts_of(folder: Path) -> ArtifactStore:
    return open_artifact_store(str(folder / "artifacts"), cache_dir=folder / "cache")


def client_of(store: Store, artifacts: ArtifactStore, token: str | None = None) -> TestClient:
    application = standalone_application(store, artifacts, token=token)
    return TestClient(application, base_url="http://localhost", follow_redirects=False)
