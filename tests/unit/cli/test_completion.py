"""What Tab offers, asked for as bash does it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unit.cli.command import Command


def offered(pipeline: Command, line: str) -> list[str]:
    words = line.split(" ")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pipeline"))],
        cwd=pipeline.folder,
        env={
            **os.environ,
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "_PIPELINE_COMPLETE": "complete_bash",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        pytest.param("pipeline sh", ["show"], id="command"),
        pytest.param("pipeline run cha", ["chain"], id="pipeline"),
        pytest.param("pipeline run chain --only ", ["read", "add", "last"], id="node"),
        pytest.param("pipeline run chain --force a", ["all", "add"], id="node-or-all"),
        pytest.param("pipeline plan chain -p ", ["source=", "plus="], id="parameter"),
        pytest.param("pipeline run chain -p plus=2 -p ", ["source="], id="parameter-not-yet-given"),
        pytest.param("pipeline runs --profile l", ["local"], id="profile"),
        pytest.param("pipeline artifacts Model", ["Model", "ModelBlessing", "ModelEvaluation", "ModelRun"]),
        pytest.param("pipeline run nothing --only ", [], id="no-such-pipeline"),
        pytest.param("pipeline run chain --profile nothing --only ", [], id="no-such-profile"),
    ],
)
def test_tab_offers(pipeline: Command, line: str, offers: list[str]) -> None:
    assert offered(pipeline, line) == offers


def test_runs_are_offered(pipeline: Command) -> None:
    run_id = pipeline.run()["run_id"]
    assert offered(pipeline, "pipeline show ch") == [run_id]
