"""Checkers see wrong wires, with no plugin of ours: the file of bad wires, and one pipeline's message."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def mypy(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *map(str, paths)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"MYPYPATH": f"{ROOT / 'tests'}", "PATH": ""},
        check=False,
    )


@pytest.mark.timeout(200)
def test_each_bad_wire_is_rejected_and_each_good_one_is_not() -> None:
    result = mypy(ROOT / "tests/unit/dsl/bad_wires.py")
    assert result.stdout == ""
    assert result.returncode == 0


@pytest.mark.timeout(200)
def test_basedpyright_rejects_the_same_wires(tmp_path: Path) -> None:
    """All but two, which compiling the pipeline refuses: it takes no offence at odd conditions."""
    lines = (ROOT / "tests/unit/dsl/bad_wires.py").read_text().splitlines()
    marks = [re.search(r"  # type: ignore\[(.*)\]", line) for line in lines]
    (tmp_path / "wires.py").write_text("\n".join(re.sub(r"  # type: ignore.*", "", line) for line in lines))
    settings = {
        "typeCheckingMode": "standard",
        "extraPaths": [str(ROOT / part) for part in ("src", "components", "tests")],
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [Path(sys.executable).with_name("basedpyright"), "--outputjson", "-p", tmp_path]
    checked = subprocess.run(
        [*command, "--pythonpath", sys.executable], capture_output=True, text=True, check=False
    )
    found = {fault["range"]["start"]["line"] for fault in json.loads(checked.stdout)["generalDiagnostics"]}
    wanted = {
        number
        for number, mark in enumerate(marks)
        if mark and mark[1] not in ("comparison-overlap", "truthy-bool")
    }
    assert wanted
    assert found == wanted


BAD_PIPELINE = """
from pipeline_lib import Examples, Model, component, pipeline


@component
def ingest() -> Examples:
    return Examples.new(split_names=["all"])


@component
def push(model: Model) -> None:
    del model


@pipeline(name="bad")
def bad() -> None:
    push(ingest())
"""


@pytest.mark.timeout(200)
def test_message_of_a_wrong_wire(tmp_path: Path) -> None:
    path = tmp_path / "bad_pipeline.py"
    path.write_text(BAD_PIPELINE)
    result = mypy(path)
    assert result.returncode == 1
    assert 'Argument 1 to "__call__" of "Component" has incompatible type "Examples"' in result.stdout
    assert result.stdout.strip().endswith('expected "Model"  [arg-type]')
    assert f"{path.name}:17: error:" in result.stdout
