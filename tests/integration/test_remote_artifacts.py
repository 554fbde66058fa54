"""Runs whose artifacts are on S3: a real S3 server, bodies in child processes, Beam reading from it."""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.doctor import Doctor
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.runtime.results import Outcome
from pipeline_lib.runtime.selection import Selection
from pipeline_lib.runtime.session import open_session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile, ServingSettings

ROOT = Path(__file__).parents[2]
PIPELINES = Path(__file__).parent / "pipelines"
NIGHT = date(2013, 6, 14)

pytestmark = pytest.mark.xdist_group("remote-artifacts")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """How fsspec reaches the server; the key is a secret's reference."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address, port = server.get_host_and_port()
    monkeypatch.setenv("TEST_S3_SECRET", "hunter2-in-no-file")
    client = {"endpoint_url": f"http://{address}:{port}", "region_name": "eu-west-1"}
    fsspec.filesystem("s3", key="key", secret="x", client_kwargs=client).makedirs("runs", exist_ok=True)
    yield {"key": "key", "secret": "env:TEST_S3_SECRET", "client_kwargs": client}
    server.stop()


def _importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _profile(tmp_path: Path, bucket: dict[str, Any], import_path: Path) -> Profile:
    return Profile(
        state_dir=tmp_path / "state",
        import_paths=(import_path,),
        metadata=MetadataSettings(url=f"sqlite:///{tmp_path}/metadata.sqlite"),
        artifacts=ArtifactSettings(root=f"s3://runs/{tmp_path.name}", storage_options=bucket),
        serving=ServingSettings(base_path=str(tmp_path / "serving")),
        host=HostSettings(directory=tmp_path / "host"),
    )


def _chain() -> Plan:
    _importable(PIPELINES)
    from toy.pipeline import chain

    return chain.compile()


def test_a_run_on_s3_and_its_cached_repeat(bucket: dict[str, Any], tmp_path: Path) -> None:
    source = tmp_path / "number.txt"
    source.write_text("7")
    profile = _profile(tmp_path, bucket, PIPELINES)
    try:
        with open_session(profile) as session:
            first = session.run(_chain(), {"source": str(source)})
            again = session.run(_chain(), {"source": str(source)})
            findings = list(Doctor(store=session.store, artifacts=session.artifacts, full=True).examine())
    finally:
        stop_hosts(profile.host)
    assert [str(node.error) for node in first.nodes if node.error] == []
    (last,) = first.of("last")[0].outputs["number"]
    assert last.uri.startswith(f"s3://runs/{tmp_path.name}/chain/last/number/")
    assert last.properties["value"] == 15
    assert {node.outcome for node in again.nodes} == {Outcome.CACHED}
    assert findings == []
    _require_no_secret(tmp_path)


def test_the_whole_flight_pipeline_on_s3(
    bucket: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics, transform and evaluate read the joined flights from S3: nothing is copied for them."""
    _importable(ROOT / "dags")
    from flight_delays.data import write_days
    from flight_delays.pipeline import flight_delays

    monkeypatch.chdir(ROOT)  # the sample names its schema from there
    nights = [NIGHT - timedelta(days=1), NIGHT]
    write_days(tmp_path / "data", nights)
    given = {
        "train_steps": 60,
        "flights": f"{tmp_path}/data/flights/{{YYYY}}-{{MM}}-{{DD}}.csv",
        "weather": f"{tmp_path}/data/weather/{{YYYY}}-{{MM}}-{{DD}}.csv",
    }
    plan = flight_delays.compile()
    profile = _profile(tmp_path, bucket, ROOT / "dags")
    try:
        with open_session(profile) as session:
            before = Selection.of(plan, stop=["join_weather"])
            session.run(plan, {**given, "day": nights[0].isoformat()}, selection=before)
            last = session.run(plan, {**given, "day": nights[1].isoformat()})
    finally:
        stop_hosts(profile.host)
    assert [str(node.error) for node in last.nodes if node.error] == []
    (joined,) = last.of("join_weather")[0].outputs["examples"]
    (blessing,) = last.of("evaluate")[0].outputs["blessing"]
    assert joined.uri.startswith("s3://")
    assert blessing.properties["outcome"] in ("blessed", "threshold_missed")
    copied = {path.name for path in (tmp_path / "state" / "artifact-cache").rglob("*")}
    assert copied
    assert not any(joined.digest in name for name in copied)
    _require_no_secret(tmp_path)


def _require_no_secret(folder: Path) -> None:
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(b"hunter2-in-no-file" in content for content in kept)
