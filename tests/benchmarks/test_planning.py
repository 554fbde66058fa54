"""Planning costs a node of a long pipeline no more than one of a short one."""

from pathlib import Path

from benchmarks.measuring import Comparison, Report
from benchmarks.workplace import bare


def test_planning_per_node(scratch: Path, quick: bool, report: Report) -> None:
    repetitions = 3 if quick else 9
    measured = bare("planning", scratch / "planned", repetitions, folder=scratch / "planning").answer
    report.add(
        "Planning a cached pipeline, per node",
        Comparison(
            what="200 nodes",
            beside="20 nodes",
            ours=measured["200"],
            other=measured["20"],
            at_most=2.0,
            unit="ms",
        ),
    )
