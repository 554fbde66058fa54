"""A local Airflow for tests: its DAGs, its client, its store, and what runs on its behalf."""

import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from integration.airflow.client import AirflowClient
from integration.airflow.started import StartedAirflow, make_airflow
from pipeline_lib.airflow.files import write_dag
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.records import NodeKey, State, StoredArtifact, StoredExecution
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.host.protocol import RunningChild
from pipeline_lib.runtime.host.starting import running_hosts, stop_hosts
from pipeline_lib.settings import HostSettings
from waiting import wait_until

PIPELINES = Path(__file__).parents[1] / "pipelines"
# DAG files do not change here, so they are read once. Otherwise reading them takes half a core.
SETTINGS = {
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",  # every test on two processors
}


@dataclass(frozen=True, kw_only=True)
class Site:
    airflow: StartedAirflow
    client: AirflowClient
    store: Store
    folder: Path
    kind: str
    host: HostSettings

    def executions(self, run: str, node: str) -> list[StoredExecution]:
        return [e for e in self.store.run_executions(run) if e.key.node == node]

    def completed(self, dag: str, run: str, node: str) -> StoredExecution:
        done = self.store.completed(NodeKey(pipeline=dag, run_id=f"{dag}.{run}", node=node))
        assert done is not None
        return done

    def children(self) -> list[RunningChild]:
        return [child for _, status in running_hosts(self.host) for child in status.children]

    def number(self, text: str) -> str:
        """A file with a number, for pipelines that read one."""
        file = self.folder / f"number-{text}.txt"
        file.write_text(text)
        return str(file)


@contextmanager
def open_site(
    plans: Sequence[Plan],
    *,
    kind: str = "sqlite",
    environ: Mapping[str, str] | None = None,
    profile: Mapping[str, Any] | None = None,
    dag_arguments: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """`make airflow` with these plans as DAGs, in a folder of its own.

    Args:
        plans: A DAG each.
        kind: What `PROFILE=` says.
        environ: Further variables of Airflow's processes.
        profile: Further keys of the profile.
        dag_arguments: Further arguments of `to_dag` as written in Python, by pipeline.
    """
    # Not in pytest's own folder, which PostgreSQL's user cannot enter; and short, for sockets.
    folder = Path(tempfile.mkdtemp(prefix="af-"))
    folder.chmod(0o755)
    host = HostSettings(directory=folder / "host")
    write_profile(folder, host, profile or {})
    for plan in plans:
        dag_file, _ = write_dag(plan, folder / "dags", profile="airflow")
        arguments = (dag_arguments or {}).get(plan.name, "max_active_runs=5")
        dag_file.write_text(dag_file.read_text().replace("profile=", f"{arguments}, profile="))
    try:
        with make_airflow(folder, kind, {**SETTINGS, **(environ or {})}) as airflow:
            surroundings = airflow.part("scheduler").environ()
            url = surroundings.get("PIPELINE_METADATA__URL", f"sqlite:///{folder}/metadata.sqlite")
            with open_store(url) as store:
                client = AirflowClient.log_in(airflow.url, "admin", airflow.password)
                client.wait_for_dags(len(plans))
                yield Site(airflow=airflow, client=client, store=store, folder=folder, kind=kind, host=host)
    finally:
        stop_hosts(host)
        shutil.rmtree(folder, ignore_errors=True)


def write_profile(folder: Path, host: HostSettings, more: Mapping[str, Any]) -> None:
    profile: dict[str, Any] = {
        "state_dir": str(folder / "state"),
        "import_paths": [str(PIPELINES)],
        "metadata": {"url": f"sqlite:///{folder}/metadata.sqlite"},
        "artifacts": {"root": str(folder / "artifacts")},
        "host": {"directory": str(host.directory), "kill_grace_seconds": 2},
        **more,
    }
    (folder / "configs").mkdir()
    (folder / "configs" / "airflow.yaml").write_text(yaml.safe_dump(profile))


def plan_of(package: str, name: str) -> Plan:
    """A pipeline of one of the packages in `pipelines`."""
    sys.path.insert(0, str(PIPELINES)) if str(PIPELINES) not in sys.path else None
    plan: Plan = getattr(importlib.import_module(f"{package}.pipeline"), name).compile()
    return plan


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


def held_by(site: Site, run: str, dag: str = "held") -> StoredExecution:
    """The held node's execution, once its body runs."""

    def look() -> StoredExecution | None:
        found = [e for e in site.executions(f"{dag}.{run}", "hold") if e.state is State.RUNNING]
        return found[-1] if found and site.children() else None

    execution: StoredExecution = wait_until(look)
    return execution


def require_one_of_everything(site: Site, run: str, dag: str = "held") -> None:
    """One success per node, one set of outputs, nothing running, nothing left behind."""
    executions = site.store.run_executions(f"{dag}.{run}")
    assert sorted(e.key.node for e in executions if e.state.succeeded) == ["first", "hold", "look_around"]
    assert [e for e in executions if e.state is State.RUNNING] == []
    for execution in executions:
        places = [a.uri for port in execution.outputs.values() for a in port]
        assert bool(places) == execution.state.succeeded
        assert all(Path(place).is_dir() for place in places)
    outputs = site.folder / f"artifacts/{dag}/hold/count"
    recorded = {Path(a.uri).name for e in site.store.node_history(dag, "hold") for a in outputs_of(site, e)}
    assert {place.name for place in outputs.iterdir()} == recorded
    # Runs of other DAGs may be on their way.
    wait_until(lambda: list((site.folder / "artifacts/.staging").glob("*")) == [])
    wait_until(lambda: site.children() == [])


def outputs_of(site: Site, execution: StoredExecution) -> list[StoredArtifact]:
    whole = site.store.execution(execution.id)
    assert whole is not None
    return [artifact for port in whole.outputs.values() for artifact in port]
