"""Plan files beside their DAG files, spoiled after `pipeline compile --target airflow` wrote them.

They are loaded by Airflow's own DAG importer: what it is told is what its pages show.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from unit.cli.command import Command

pytestmark = pytest.mark.xdist_group("bad-input")

LOAD = """
import json, shutil, sys
from pathlib import Path
from airflow.dag_processing.dagbag import DagBag

def load(folder):
    bag = DagBag(dag_folder=str(folder), load_op_links=False, collect_dags=True)
    return {"dags": sorted(bag.dag_ids), "errors": list(bag.import_errors.values())}

told = {}
for folder in sorted(Path(sys.argv[2]).iterdir()):
    spoiled = load(folder)
    shutil.copy(sys.argv[1], folder / "counted.json")
    told[folder.name] = {"spoiled": spoiled, "mended": load(folder)}
print(json.dumps(told))
"""


class Case(NamedTuple):
    """One way to spoil the text of a plan, and what must be said about it."""

    name: str
    spoil: Callable[[str], bytes]
    code: str
    place: str
    fix: str


def edited(edit: Callable[[Any], object]) -> Callable[[str], bytes]:
    def spoil(text: str) -> bytes:
        plan = json.loads(text)
        edit(plan)
        return json.dumps(plan).encode()

    return spoil


def node(plan: Any) -> Any:
    return plan["nodes"][0]


COMPILE = "`pipeline compile"
CASES = [
    Case("a newer version", edited(lambda p: p.update(schema_version=2)), "PL121", "counted.json", "update"),
    Case("an older version", edited(lambda p: p.update(schema_version=0)), "PL121", "counted.json", "again"),
    Case("no version", edited(lambda p: p.pop("schema_version")), "PL120", "counted.json", COMPILE),
    Case(
        "a key twice",
        lambda text: text.replace('{"artifact_types"', '{"name":"x","artifact_types"', 1).encode(),
        "PL120",
        "counted.json",
        "keep one",
    ),
    Case("cut short", lambda text: text.rstrip()[:-1].encode(), "PL120", "counted.json:1:", "mend it there"),
    Case("empty", lambda _: b"", "PL120", "counted.json:1:1", COMPILE),
    Case("another encoding", lambda text: text.encode("utf-16"), "PL120", "counted.json", COMPILE),
    Case(
        "an unknown key",
        edited(lambda p: node(p).update(conditon=None)),
        "PL120",
        "nodes.count.conditon",
        "did you mean condition?",
    ),
    Case("a node twice", edited(lambda p: p["nodes"].append(node(p))), "PL120", "count", COMPILE),
    Case("a node that is a path", edited(lambda p: node(p).update(id="../x")), "PL120", "../x", COMPILE),
    Case("a name that is a path", edited(lambda p: p.update(name="../x")), "PL701", "../x", "use letters"),
    Case(
        "an unknown parameter",
        edited(lambda p: node(p)["parameters"]["rows"].update(name="rwos")),
        "PL122",
        "nodes.count.parameters.rows",
        "did you mean rows?",
    ),
    Case(
        "an unknown type",
        edited(lambda p: node(p)["outputs"]["count"].update(artifact_type="Cuont")),
        "PL122",
        "nodes.count.outputs.count",
        "did you mean Count?",
    ),
    Case(
        "a node that waits for itself",
        edited(lambda p: node(p).update(after=["count"])),
        "PL123",
        "count",
        "",
    ),
    Case(
        "code for an expression",
        edited(lambda p: node(p)["parameters"].update(rows={"kind": "python", "code": "1/0"})),
        "PL120",
        "nodes.count.parameters.rows",
        COMPILE,
    ),
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, Path], Mapping[str, Any]]:
    """All of them by one process, which imports Airflow once."""
    known: dict[str, Any] = {}

    def load(good: Path, folder: Path) -> Mapping[str, Any]:
        if not known:
            for case in CASES:
                there = folder / case.name
                there.mkdir(parents=True)
                (there / "counted.py").write_bytes(good.with_suffix(".py").read_bytes())
                (there / "counted.json").write_bytes(case.spoil(good.read_text()))
            environ = {**os.environ, "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))}
            ran = subprocess.run(
                [sys.executable, "-c", LOAD, str(good), str(folder)],
                env=environ,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr[-2000:]
            known.update(json.loads(ran.stdout.splitlines()[-1]))
        return known

    return load


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_airflow_is_told(
    case: Case, command: Command, loaded: Callable[[Path, Path], Mapping[str, Any]]
) -> None:
    command("compile", "counted", "--target", "airflow", "--output", "good")
    told = loaded(command.folder / "good/counted.json", command.folder / "dags")[case.name]
    assert told["spoiled"]["dags"] == []
    (said,) = told["spoiled"]["errors"]
    said = said[said.index(f"[{case.code}]") :]
    assert case.place in said
    assert case.fix in said.partition("fix:")[2]
    assert told["mended"] == {"dags": ["counted"], "errors": []}
