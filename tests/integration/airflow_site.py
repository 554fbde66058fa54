"""A local Airflow for tests: its profile, its DAGs, its client, its store, and what runs on its behalf."""

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from integration.airflow_client import AirflowClient
from pipeline_lib.airflow.files import write_dag
from pipeline_lib.airflow.services import private_postgresql
from pipeline_lib.airflow.standalone import LocalAirflow
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import State, StoredExecution
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.host.protocol import RunningChild
from pipeline_lib.runtime.host.starting import running_hosts, stop_hosts
from pipeline_lib.settings import HostSettings

PIPELINES = Path(__file__).parent / "pipelines"
# A task whose supervisor is gone is tried again after seconds, not minutes.
PROMPT = {
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}


@contextmanager
def open_postgresql() -> Iterator[Path]:
    """The directory of its socket. Not in pytest's own folder, which is for nobody but this user."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        with private_postgresql(folder / "data") as socket_folder:
            yield socket_folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class Site:
    airflow: LocalAirflow
    client: AirflowClient
    store: Store
    folder: Path
    host: HostSettings

    def executions(self, run: str, node: str) -> list[StoredExecution]:
        return [e for e in self.store.run_executions(run) if e.key.node == node]

    def children(self) -> list[RunningChild]:
        return [child for _, status in running_hosts(self.host) for child in status.children]


@contextmanager
def open_site(
    folder: Path,
    plans: Sequence[Plan],
    *,
    runs_at_once: int = 1,
    metadata: str | None = None,
    environ: Mapping[str, str] | None = None,
    profile: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[Site]:
    """Start it with these plans as DAGs, and stop everything afterwards.

    Args:
        folder: For all files.
        plans: A DAG each.
        runs_at_once: Of each DAG.
        metadata: Url of the metadata store; SQLite in the folder by default.
        environ: Further variables of Airflow's processes.
        profile: Further keys of the profile.
        options: Of `LocalAirflow`.
    """
    host = HostSettings(directory=folder / "host")
    url = metadata or f"sqlite:///{folder}/metadata.sqlite"
    write_profile(folder, host, url, profile or {})
    for plan in plans:
        dag_file, _ = write_dag(plan, folder / "dags", profile="toy")
        text = dag_file.read_text()
        dag_file.write_text(text.replace("profile=", f"max_active_runs={runs_at_once}, profile="))
    airflow = LocalAirflow(
        home=folder / "home",
        dags=folder / "dags",
        port=free_port(),
        directory=folder,
        environ={**PROMPT, **(environ or {})},
        **options,
    )
    try:
        with airflow, open_store(url) as store:
            client = AirflowClient.log_in(airflow.url, "admin", airflow.password)
            client.wait_for_dags(len(plans))
            yield Site(airflow=airflow, client=client, store=store, folder=folder, host=host)
    finally:
        stop_hosts(host)


def write_profile(folder: Path, host: HostSettings, metadata: str, more: Mapping[str, Any]) -> None:
    profile: dict[str, Any] = {
        "state_dir": str(folder / "state"),
        "import_paths": [str(PIPELINES)],
        "metadata": {"url": metadata},
        "artifacts": {"root": str(folder / "artifacts")},
        "host": {"directory": str(host.directory), "kill_grace_seconds": 2},
        **more,
    }
    (folder / "configs").mkdir()
    (folder / "configs" / "toy.yaml").write_text(yaml.safe_dump(profile))


def free_port() -> int:
    """The first of three in a row."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                for following in (port + 1, port + 2):
                    with socket.socket() as probe:
                        probe.bind(("127.0.0.1", following))
            except OSError:
                continue
            return port


def plan_of(package: str, name: str) -> Plan:
    """A pipeline of one of the packages in `pipelines`."""
    import importlib

    sys.path.insert(0, str(PIPELINES)) if str(PIPELINES) not in sys.path else None
    plan: Plan = getattr(importlib.import_module(f"{package}.pipeline"), name).compile()
    return plan


def wait_for(look: Callable[[], Any], seconds: float = 90) -> Any:
    """What `look` finds, as soon as it is something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return found


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def session_of(leader: int) -> list[psutil.Process]:
    """The processes of a session, its leader first."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                found.append(process)
        except ProcessLookupError:
            continue
    return sorted(found, key=lambda process: process.pid != leader)


def held_by(site: Site, run: str) -> StoredExecution:
    """The held node's execution, once its body runs."""

    def look() -> StoredExecution | None:
        found = [e for e in site.executions(f"held.{run}", "hold") if e.state is State.RUNNING]
        return found[-1] if found and site.children() else None

    execution: StoredExecution = wait_for(look)
    return execution


def require_one_of_everything(site: Site, run: str) -> None:
    """One success per node, one set of outputs, nothing running, nothing left behind."""
    executions = site.store.run_executions(f"held.{run}")
    assert sorted(e.key.node for e in executions if e.state.succeeded) == ["first", "hold", "look_around"]
    assert [e for e in executions if e.state is State.RUNNING] == []
    for execution in executions:
        places = [a.uri for port in execution.outputs.values() for a in port]
        assert bool(places) == execution.state.succeeded
        assert all(Path(place).is_dir() for place in places)
    outputs = site.folder / "artifacts/held/hold/count"
    recorded = {
        Path(a.uri).name for e in site.store.node_history("held", "hold") for a in outputs_of(site, e)
    }
    assert {place.name for place in outputs.iterdir()} == recorded
    assert list((site.folder / "artifacts/.staging").glob("*")) == []
    assert site.children() == []


def outputs_of(site: Site, execution: StoredExecution) -> list[Any]:
    whole = site.store.execution(execution.id)
    assert whole is not None
    return [artifact for port in whole.outputs.values() for artifact in port]
