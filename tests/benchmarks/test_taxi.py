"""The Chicago taxi pipeline beside TFX and beside bare library calls: whole processes, then step by step."""

import pytest

from benchmarks.measuring import Comparison, Report
from benchmarks.taxi_runs import TaxiRuns, seconds
from benchmarks.workplace import seconds_by_node


def test_whole_process(small_taxi: TaxiRuns, report: Report) -> None:
    runs = small_taxi
    chapter = "Taxi, 15 k rows, 1000 steps, whole process"
    cold, warm = seconds(runs.cold), seconds(runs.warm)
    for comparison in (
        Comparison(what="cold", beside="TFX", ours=cold, other=seconds(runs.tfx), at_most=0.6),
        Comparison(what="cold", beside="bare libraries", ours=cold, other=seconds(runs.bare), at_most=1.2),
        Comparison(what="warm host", beside="TFX", ours=warm, other=seconds(runs.tfx), at_most=0.4),
    ):
        report.add(chapter, comparison)


def test_whole_process_ten_times_the_rows(big_taxi: TaxiRuns, report: Report) -> None:
    chapter = "Taxi, 150 k rows, 1000 steps, whole process"
    cold, warm = seconds(big_taxi.cold), seconds(big_taxi.warm)
    for comparison in (
        Comparison(what="cold", beside="TFX", ours=cold, other=seconds(big_taxi.tfx), at_most=0.45),
        Comparison(what="cold", beside="bare libraries", ours=cold, other=seconds(big_taxi.bare)),
        Comparison(what="warm host", beside="TFX", ours=warm, other=seconds(big_taxi.tfx)),
    ):
        report.add(chapter, comparison)


def test_cached_rerun(small_taxi: TaxiRuns, report: Report) -> None:
    for run in small_taxi.cached:
        executed = {node["node"] for node in run.answer["nodes"] if node["outcome"] == "complete"}
        assert executed <= {"push"}, "everything else is cached"
    report.add(
        "Fully cached rerun, whole process",
        Comparison(
            what="taxi, 15 k rows",
            beside="TFX's cached rerun",
            ours=seconds(small_taxi.cached),
            other=seconds(small_taxi.tfx_cached),
            at_most=0.08,
        ),
    )


@pytest.mark.parametrize("rows", ["small_taxi", "big_taxi"])
def test_steps(rows: str, request: pytest.FixtureRequest, report: Report) -> None:
    runs: TaxiRuns = request.getfixturevalue(rows)
    chapter = f"Taxi, {'15' if rows == 'small_taxi' else '150'} k rows, step by step with a warm host"
    ours = [seconds_by_node(run) for run in runs.warm]
    theirs = [run.answer["components"] for run in runs.tfx]
    floor = [run.answer for run in runs.bare]
    for node, component, bare_step, goal in (
        ("ingest_csv", "CsvExampleGen", None, 30.0 if rows == "big_taxi" else None),
        ("compute_statistics", "StatisticsGen", None, 3.0),
        ("transform", "Transform", "transform", 3.0),
        ("train", "Trainer", "train", None),
        ("evaluate", "Evaluator", "evaluate", 1.5 if rows == "big_taxi" else None),
    ):
        mine = [run[node] for run in ours]
        report.add(
            chapter,
            Comparison(
                what=node,
                beside=component,
                ours=mine,
                other=[run[component] for run in theirs],
                at_least=goal,
            ),
        )
        if bare_step is not None:
            report.add(
                chapter,
                Comparison(
                    what=node, beside="bare libraries", ours=mine, other=[run[bare_step] for run in floor]
                ),
            )


def test_ingest_beside_pyarrow(big_taxi: TaxiRuns, report: Report) -> None:
    chapter = "Ingest, 150 k rows"
    node = [seconds_by_node(run)["ingest_csv"] for run in big_taxi.warm]
    peer = [run.answer["components"]["CsvExampleGen"] for run in big_taxi.tfx]
    floor, body = big_taxi.ingest_floor, big_taxi.ingest_bodies
    for comparison in (
        Comparison(what="node", beside="CsvExampleGen", ours=node, other=peer, at_least=30),
        Comparison(what="body", beside="pyarrow: read, split, write", ours=body, other=floor, at_most=1.5),
        Comparison(what="node", beside="pyarrow: read, split, write", ours=node, other=floor),
    ):
        report.add(chapter, comparison)
