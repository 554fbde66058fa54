"""A project folder of our own to run pipelines in, and TFX's environment."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measuring import Finished, timed

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"
TFX = ("tfx==1.16.0", "dill==0.3.1.1", "pip", "wheel", "setuptools<80")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A folder with a profile, state, store and artifacts of its own; hosts may be shared with others.

    Attributes:
        hosts: Directory of the hosts' sockets; its path must be short.
        dags: Where the pipelines are.
    """

    folder: Path
    hosts: Path
    dags: Path = ROOT / "dags"

    def prepare(self) -> "Workplace":
        """Write the profile."""
        (self.folder / "configs").mkdir(parents=True)
        profile = {"import_paths": [str(self.dags)], "host": {"directory": str(self.hosts)}}
        (self.folder / "configs/local.yaml").write_text(yaml.safe_dump(profile))
        return self

    def pipeline(
        self, *arguments: str, environ: dict[str, str] | None = None, one_core: bool = False
    ) -> Finished:
        """Time one `pipeline` command as a person types it."""
        command = [Path(sys.executable).parent / "pipeline", *arguments]
        if one_core:
            command = ["taskset", "--cpu-list", "0", *command]
            environ = {"PIPELINE_HOST__DIRECTORY": self._hosts_of_one_core, **(environ or {})}
        return timed(command, cwd=self.folder, log=self.folder / "errors.log", environ=environ)

    def run(self, name: str, *options: str, one_core: bool = False, **parameters: object) -> Finished:
        """Time `pipeline run`; the answer is the run's record.

        Args:
            name: Of the pipeline.
            options: Of the command.
            one_core: Whether it and a host of its own are bound to one core.
            parameters: Of the run.
        """
        given = [part for key, value in parameters.items() for part in ("--param", f"{key}={value}")]
        done = self.pipeline("run", name, *given, *options, "--json", one_core=one_core)
        assert done.answer["state"] == "COMPLETE"
        return done

    def facts(self, record: dict[str, Any], node: str) -> dict[str, Any]:
        """What is recorded of the execution of a node: seconds, memory."""
        (found,) = [one for one in record["nodes"] if one["node"] == node]
        shown = self.pipeline("show", f"execution:{found['execution_id']}", "--json").answer
        facts: dict[str, Any] = shown["facts"]
        return facts

    def body_seconds(self, record: dict[str, Any], node: str) -> float:
        """Wall seconds that a node's body took in its child, imports in the child included."""
        return float(self.facts(record, node)["wall_seconds"])

    def stop_hosts(self) -> None:
        """Make the next run a cold one."""
        self.pipeline("host", "stop")
        if Path(self._hosts_of_one_core).exists():
            self.pipeline("host", "stop", one_core=True)

    @property
    def _hosts_of_one_core(self) -> str:
        return f"{self.hosts}1"


def seconds_by_node(run: Finished) -> dict[str, float]:
    """Wall seconds of each node, launcher's part included."""
    return {node["node"]: node["seconds"] for node in run.answer["nodes"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class TfxEnvironment:
    """TFX's own virtual environment, made once in `.bench/tfx`, with compiled bytecode like ours."""

    home: Path = ROOT / ".bench/tfx"

    def prepare(self) -> "TfxEnvironment":
        """Make it, unless it is there."""
        stamp = self.home / ".installed"
        if not stamp.exists():
            shutil.rmtree(self.home, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", self.home], check=True)
            uv = Path(sys.executable).parent / "uv"
            options = ("--quiet", "--compile-bytecode", "--python", str(self.home / "bin/python"))
            subprocess.run([uv, "pip", "install", *options, *TFX], check=True)
            stamp.touch()
        return self

    @property
    def taxi(self) -> Path:
        """The folder of the taxi example in the installed wheel."""
        return self.home / "lib/python3.11/site-packages/tfx/examples/chicago_taxi_pipeline"

    @property
    def taxi_csv(self) -> Path:
        """15,002 trips."""
        return self.taxi / "data/simple/data.csv"

    @property
    def taxi_module(self) -> Path:
        """The user module of both."""
        return self.taxi / "taxi_utils_native_keras.py"

    def run_taxi(self, data: Path, out: Path, steps: int) -> Finished:
        """Time TFX's pipeline; the answer has seconds by component. A second run into `out` is cached."""
        out.mkdir(parents=True, exist_ok=True)
        # TFX builds a wheel of the user module with the first `python` on PATH.
        environ = {"TF_USE_LEGACY_KERAS": "1", "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}"}
        command = [
            self.home / "bin/python",
            PEERS / "tfx_taxi.py",
            data.parent,
            self.taxi_module,
            out,
            str(steps),
        ]
        return timed(command, cwd=out, log=out / "errors.log", environ=environ)


def bare(script: str, *arguments: object, folder: Path, environ: dict[str, str] | None = None) -> Finished:
    """Time a floor script in our environment."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, PEERS / f"{script}.py", *map(str, arguments)]
    return timed(command, cwd=folder, log=folder / f"{script}.log", environ=environ)
