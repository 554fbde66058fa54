"""A run whose artifacts are on S3: a real S3 server, bodies in child processes, local copies of inputs."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.doctor import Doctor
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.runtime.results import Outcome
from pipeline_lib.runtime.session import open_session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile

PIPELINES = Path(__file__).parent / "pipelines"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """How fsspec reaches the server; the key is a secret's reference."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address, port = server.get_host_and_port()
    monkeypatch.setenv("TEST_S3_SECRET", "hunter2-in-no-file")
    client = {"endpoint_url": f"http://{address}:{port}", "region_name": "eu-west-1"}
    fsspec.filesystem("s3", key="key", secret="x", client_kwargs=client).mkdir("runs")
    yield {"key": "key", "secret": "env:TEST_S3_SECRET", "client_kwargs": client}
    server.stop()


def _chain() -> Plan:
    if str(PIPELINES) not in sys.path:
        sys.path.insert(0, str(PIPELINES))
    from toy.pipeline import chain

    return chain.compile()


def test_a_run_on_s3_and_its_cached_repeat(bucket: dict[str, Any], tmp_path: Path) -> None:
    source = tmp_path / "number.txt"
    source.write_text("7")
    profile = Profile(
        state_dir=tmp_path / "state",
        import_paths=(PIPELINES,),
        metadata=MetadataSettings(url=f"sqlite:///{tmp_path}/metadata.sqlite"),
        artifacts=ArtifactSettings(root="s3://runs/artifacts", storage_options=bucket),
        host=HostSettings(directory=tmp_path / "host"),
    )
    try:
        with open_session(profile) as session:
            first = session.run(_chain(), {"source": str(source)})
            again = session.run(_chain(), {"source": str(source)})
            findings = list(Doctor(store=session.store, artifacts=session.artifacts, full=True).examine())
    finally:
        stop_hosts(profile.host)
    assert [str(node.error) for node in first.nodes if node.error] == []
    (last,) = first.of("last")[0].outputs["number"]
    assert last.uri.startswith("s3://runs/artifacts/chain/last/number/")
    assert last.properties["value"] == 15
    assert {node.outcome for node in again.nodes} == {Outcome.CACHED}
    assert findings == []
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"hunter2-in-no-file" in content for content in kept)
