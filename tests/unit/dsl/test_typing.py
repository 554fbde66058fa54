"""mypy sees wrong wires, with no plugin of ours: the file of bad wires, and one pipeline's message."""

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
