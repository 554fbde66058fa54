"""`pipeline runs`, `show` and `artifacts`."""

import pytest

from pipeline_lib.cli.console import out
from unit.cli.command import Command


def test_an_empty_store_says_what_to_do(pipeline: Command) -> None:
    assert pipeline("runs").startswith("no run yet; `pipeline list`")
    assert pipeline("artifacts").strip() == "no such artifact"


def test_runs_are_listed_newest_first(pipeline: Command) -> None:
    ids = [pipeline.run()["run_id"], pipeline.run("newest")["run_id"]]
    assert [run["run_id"] for run in pipeline.json("runs")] == ids[::-1]
    assert [run["run_id"] for run in pipeline.json("runs", "chain")] == ids[:1]
    assert len(pipeline.json("runs", "--limit", "1")) == 1
    line = pipeline("runs", "chain").splitlines()[1]
    assert line.split()[:2] == [ids[0], "complete"]
    assert "no run of other yet" in pipeline("runs", "other")


def test_a_run_is_shown_with_its_parameters_and_executions(pipeline: Command) -> None:
    shown = pipeline("show", pipeline.run()["run_id"])
    assert "  source  number.txt" in shown
    assert [line.split()[1:3] for line in shown.splitlines() if " Number " in line] == [
        ["read", "complete"],
        ["add", "complete"],
        ["last", "complete"],
    ]


def test_a_cached_execution_is_shown_as_such(pipeline: Command) -> None:
    origin = pipeline.run()["nodes"][0]["execution_id"]
    pipeline.run()
    again = pipeline.run()  # from a run that was cached itself: the work was done in the first
    assert "cached" in pipeline("show", again["run_id"])
    shown = pipeline("show", f"execution:{again['nodes'][0]['execution_id']}")
    assert f"cached from  execution {origin}" in shown


def test_an_execution_is_shown_with_what_it_read_and_made(pipeline: Command) -> None:
    nodes = pipeline.run()["nodes"]
    (add,) = [node for node in nodes if node["node"] == "add"]
    shown = pipeline("show", f"execution:{add['execution_id']}")
    assert "toy.components.add" in shown
    assert ".pipeline/artifacts/chain/read/number/" in shown
    assert ".pipeline/logs/chain/" in shown
    record = pipeline.json("show", f"execution:{add['execution_id']}")
    assert record["parameters"] == {"plus": 1}


def test_a_failed_execution_is_shown_with_its_error(pipeline: Command) -> None:
    nodes = pipeline.run("wicked", "-p", "how=raise", "-p", "marker=told", code=1)["nodes"]
    (bad,) = [node for node in nodes if node["node"] == "misbehave"]
    shown = pipeline("show", f"execution:{bad['execution_id']}")
    assert "failed" in shown
    assert "[PL420]" in shown
    assert "a body that raises" in shown


def test_an_artifact_is_shown_with_its_properties(pipeline: Command) -> None:
    artifact = pipeline.run()["nodes"][0]["outputs"]["number"][0]
    shown = pipeline("show", f"artifact:{artifact['id']}")
    assert "made by  chain.read, port number" in shown
    assert "  value  7" in shown


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("nothing", "there is no run nothing"),
        ("execution:9", "there is no execution 9"),
        ("artifact:9", "there is no artifact 9"),
        ("artifact:99999999999999999999", "there is no artifact 99999999999999999999"),
        ("artifact:x", "there is no run artifact:x"),
    ],
)
def test_what_is_not_there_is_an_error_of_use(pipeline: Command, what: str, told: str) -> None:
    pipeline("show", what, code=2)
    assert pipeline.error.startswith(f"[PL604] {told}")


def test_artifacts_can_be_chosen(pipeline: Command) -> None:
    pipeline.run()
    assert len(pipeline.json("artifacts", "Number", "--pipeline", "chain")) == 3
    assert [a["node"] for a in pipeline.json("artifacts", "--node", "read")] == ["read"]
    assert pipeline.json("artifacts", "Model") == []


def test_a_narrow_terminal_keeps_identity_and_place(
    pipeline: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.run()
    monkeypatch.setattr(out, "_width", 80)
    lines = pipeline("artifacts").splitlines()
    assert lines[0].split() == ["id", "type", "at"]
    assert lines[1].split()[2].startswith(".pipeline/artifacts/chain/")
    assert max(map(len, lines)) <= 80
