"""Runs whose artifacts are on S3: a real S3 server, bodies in child processes, runs that are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from integration.launching import PIPELINES, Site, doctor, plan_of
from integration.object_store import (
    BUCKET,
    SECRET,
    ObjectStore,
    object_store,
    require_nothing_left,
    require_whole,
    unfinished,
)
from pipeline_lib.errors import PushBusyError
from pipeline_lib.metadata.records import ArtifactQuery, State
from pipeline_lib.runtime.host.starting import stop_hosts
from pipeline_lib.runtime.results import Outcome
from pipeline_lib.runtime.session import Session, open_session
from pipeline_lib.serving.base_path.content import Content
from pipeline_lib.serving.base_path.ledger import Ledger
from pipeline_lib.serving.base_path.remote import RemoteBase
from pipeline_lib.settings import HostSettings, Profile

ROOT = Path(__file__).parents[2]
NIGHT = date(2013, 6, 14)
EVE = NIGHT - timedelta(days=1)

pytestmark = pytest.mark.xdist_group("remote-artifacts")


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as started:
        yield started


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSettings]:
    settings = HostSettings(directory=tmp_path_factory.mktemp("host"))
    yield settings
    stop_hosts(settings)


@pytest.fixture
def site(
    server: ObjectStore, host: HostSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    source = tmp_path / "number.txt"
    source.write_text("7")
    profile = server.profile(tmp_path, PIPELINES).model_copy(update={"host": host})
    yield Site(profile=profile, source=source)
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in content for content in kept)


def test_a_run_and_its_cached_repeat(site: Site) -> None:
    with site.session() as session:
        first = session.run(plan_of("chain"), {"source": str(site.source)})
        again = session.run(plan_of("chain"), {"source": str(site.source)})
        findings = doctor(session)
    assert [str(node.error) for node in first.nodes if node.error] == []
    (last,) = first.of("last")[0].outputs["number"]
    assert last.uri.startswith(f"{site.profile.artifacts.root}/chain/last/number/")
    assert last.properties["value"] == 15
    assert {node.outcome for node in again.nodes} == {Outcome.CACHED}
    assert findings == []


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        pytest.param("kill@uploading#5", 1, id="between-two-files"),
        pytest.param("kill@renaming#2", 1, id="before-the-manifest"),
        pytest.param("kill@renamed#2", 0, id="before-the-record"),
    ],
)
def test_a_killed_upload_is_never_an_artifact_and_the_next_run_heals(
    site: Site, server: ObjectStore, fault: str, left: int
) -> None:
    site.crash(fault, pipeline="paged")
    with site.session() as session:
        require_whole(session)
        assert [artifact.node for artifact in session.store.artifacts(ArtifactQuery())] == ["read"]
        assert len(unfinished(session, server)) == left
        result = session.run(plan_of("paged"), {"source": str(site.source)})
        assert result.state is State.COMPLETE
        (healed,) = result.of("pages")
        assert "cleared away after execution 2" in healed.reason
        assert set(doctor(session, mend=True)) <= {"orphan", "staging"}  # the run; the copies to be uploaded
        require_whole(session)
        require_nothing_left(session, server)


def test_models_are_kept_there_too(
    server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 knows no empty directories, and makes a file only if there is none when asked so: the lease."""
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"model")
    (tmp_path / "variables/data").write_bytes(b"weights")
    content = Content(digest="d", sizes={"saved_model.pb": 5, "variables/data": 7})
    base, other = (RemoteBase(f"s3://{BUCKET}/{tmp_path.name}") for _ in range(2))
    with base.locked(5):
        assert (base.existing(), base.withdrawn(), base.read_ledger()) == ([], [], Ledger())
        base.write_ledger(Ledger())
        base.write_version(1, tmp_path, content)
        assert (other.existing(), other.matches(1, content)) == ([1], True)
        base.withdraw(1)
        assert (other.existing(), other.withdrawn()) == ([], [1])
        base.restore(1)
        assert other.read(1, "variables/data") == b"weights"
        with pytest.raises(PushBusyError, match="another push"), other.locked(0.5):
            pass
    with other.locked(5):
        other.remove(1)
        assert base.existing() == []


def test_the_whole_flight_pipeline_and_a_kill_in_the_middle_of_it(
    server: ObjectStore, tmp_path: Path
) -> None:
    """Statistics, transform and evaluate read the joined flights from S3: nothing is copied for them."""
    from flight_delays.data import write_days

    write_days(tmp_path / ".pipeline/data", [EVE, NIGHT])
    shutil.copytree(ROOT / "dags", tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    profile = server.profile(tmp_path, tmp_path / "dags")
    (tmp_path / "configs").mkdir()
    text = yaml.safe_dump(profile.model_dump(mode="json", exclude={"name"}))
    (tmp_path / "configs/local.yaml").write_text(text)
    environ = {**os.environ, **server.environ, "PYTHONPATH": str(tmp_path / "dags")}

    def run(*options: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("pipeline"), "run", "flight-delays", "--json", *options]
        return subprocess.run(
            command, cwd=tmp_path, env={**environ, **more}, capture_output=True, text=True, check=False
        )

    night = ("--param", f"day={NIGHT}", "--param", "train_steps=150")
    try:
        assert run("--param", f"day={EVE}", "--to", "join_weather").returncode == 0
        killed = run(*night, PIPELINE_FAULT="kill@renaming#7")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        with _session(profile, server) as session:
            require_whole(session)
            assert unfinished(session, server) != set()
            (cut_off, _) = session.store.runs("flight-delays")
            before = {e.key.node for e in session.store.run_executions(cut_off.run_id) if e.state.succeeded}
        last = run(*night)
        assert last.returncode == 0, last.stdout + last.stderr
    finally:
        stop_hosts(profile.host)
    nodes = {node["node"]: node for node in json.loads(last.stdout)["nodes"]}
    executed = {name for name, node in nodes.items() if node["outcome"] == "complete"}
    assert before, "something was done before the kill"
    assert not executed & before
    assert {"train", "evaluate", "push"} <= executed
    joined = nodes["join_weather"]["outputs"]["examples"][0]
    copied = {path.name for path in (tmp_path / "state/artifact-cache").rglob("*")}
    assert joined["uri"].startswith("s3://")
    assert copied
    assert not any(joined["digest"] in name for name in copied)
    pushed = nodes["push"]["outputs"]["pushed_model"][0]["properties"]["pushed_destination"]
    assert server.files().exists(f"{pushed}/saved_model.pb")
    with _session(profile, server) as session:
        doctor(session, mend=True)
        require_whole(session)
        require_nothing_left(session, server)


@contextmanager
def _session(profile: Profile, server: ObjectStore) -> Iterator[Session]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environ.items():
            patch.setenv(name, value)
        with open_session(profile) as session:
            yield session
