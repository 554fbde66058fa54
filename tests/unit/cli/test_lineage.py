"""`pipeline lineage`, as it is called."""

import pytest

from unit.cli.command import Command


def test_the_graph_of_a_run(pipeline: Command) -> None:
    pipeline.run("chain")
    lines = pipeline("lineage", "graph", "2").splitlines()
    assert lines[0].startswith("Number 2  add.number")
    assert lines[1].startswith("└── Number 1  read.number")
    assert pipeline("lineage", "graph", "1", "--forward", "--format", "mermaid").startswith("flowchart LR")
    assert pipeline.json("lineage", "graph", "1")["truncated"] is False
    assert pipeline("lineage", "impact", "artifact:1").startswith("artifact 1 reached no model")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["explain"], "PL905"),
        (["explain", "1"], "PL901"),
        (["explain", "' OR 1=1"], "PL905"),
        (["explain", "--at", "2026-01-01"], "PL901"),
        (["impact", "span:x"], "PL905"),
        (["impact", "file:'"], "PL901"),
        (["diff", "1", "2"], "PL901"),
        (["graph", "1"], "PL901"),
    ],
)
def test_errors_are_told_in_the_house_form(pipeline: Command, arguments: list[str], error: str) -> None:
    pipeline("lineage", *arguments, code=2)
    assert f"[{error}]" in pipeline.error
    assert "fix:" in pipeline.error
