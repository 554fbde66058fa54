"""`pipeline run`."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unit.cli.command import Command
from waiting import wait_until

EXECUTABLE = str(Path(sys.executable).with_name("pipeline"))


def test_a_run_is_told_line_by_line(pipeline: Command) -> None:
    shown = pipeline("run", "chain", "-p", "source=number.txt")
    lines = [line.split() for line in shown.splitlines() if line]
    assert lines[0] == ["chain"]
    assert [line[:2] for line in lines[1:4]] == [
        ["read", "complete"],
        ["add", "complete"],
        ["last", "complete"],
    ]
    assert lines[4][0] == "complete"
    assert lines[-1][:2] == ["pipeline", "show"]


def test_json_has_outputs_and_reasons(pipeline: Command) -> None:
    result = pipeline.run()
    assert (result["pipeline"], result["state"], result["span"]) == ("chain", "COMPLETE", "")
    read = result["nodes"][0]
    assert (read["node"], read["outcome"], read["tries"], read["error"]) == ("read", "complete", 1, None)
    assert read["outputs"]["number"][0]["properties"]["value"] == 7
    assert Path(read["log"]).read_text().strip().endswith("reading number.txt")


def test_a_failed_run_ends_with_1_and_shows_error_and_log(pipeline: Command) -> None:
    given = ("-p", "source=number.txt", "-p", "how=raise", "-p", "marker=told")
    shown = pipeline("run", "wicked", *given, code=1)
    assert "misbehave failed\n[PL420]" in shown
    assert "  fix:" in shown
    assert "a body that raises" in shown.partition("  log: .pipeline/logs/wicked/")[2]


def test_each_day_has_a_run_and_a_line(pipeline: Command) -> None:
    given = ("-p", "source=number.txt", "-p", "span=1")
    shown = pipeline("run", "windowed", *given, "--each", "2026-01-01:2026-01-03")
    assert [line.split()[:2] for line in shown.splitlines()] == [
        [f"2026-01-0{day}", "complete"] for day in (1, 2, 3)
    ]
    runs = pipeline.json("run", "windowed", *given, "--each", "2026-01-02:2026-01-03")
    assert [run["span"] for run in runs] == ["2026-01-02", "2026-01-03"]


def test_a_sweep_stops_at_the_first_day_that_fails(pipeline: Command) -> None:
    given = ("-p", "source=gone.txt", "-p", "span=1")
    shown = pipeline("run", "windowed", *given, "--each", "2026-01-01:2026-01-03", code=1)
    assert "2026-01-01  failed" in shown
    assert "2026-01-02" not in shown


def test_forcing_all_executes_all(pipeline: Command) -> None:
    pipeline.run()
    assert {node["outcome"] for node in pipeline.run()["nodes"]} == {"cached"}
    assert {node["outcome"] for node in pipeline.run("chain", "--force", "all")["nodes"]} == {"complete"}


def test_a_partial_run_leaves_the_rest_out(pipeline: Command) -> None:
    outcomes = {n["node"]: n["outcome"] for n in pipeline.run("chain", "--to", "read")["nodes"]}
    assert outcomes == {"read": "complete", "add": "left out", "last": "left out"}
    assert "left out" not in pipeline("run", "chain", "-p", "source=number.txt", "--to", "read")


SOURCE = "-p source=number.txt"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("chian", "[PL603] there is no pipeline chian", id="name"),
        pytest.param("chain", "[PL402] chain needs source", id="missing"),
        pytest.param("chain -p sauce=x", "did you mean source?", id="parameter"),
        pytest.param(f"chain {SOURCE} -p plus=x", "[PL402] chain.plus cannot be 'x'", id="type"),
        pytest.param(f"chain {SOURCE} -p plus=[1", "write it as YAML or JSON", id="yaml"),
        pytest.param(f"chain {SOURCE} {SOURCE}", "[PL402] source is given twice", id="twice"),
        pytest.param("chain -p source", "write --param source=VALUE", id="no-value"),
        pytest.param(f"chain {SOURCE} --to lst", "did you mean last?", id="node"),
        pytest.param(f"chain {SOURCE} --force lst", "did you mean last?", id="forced-node"),
        pytest.param(f"chain {SOURCE} --only add --to last", "[PL403] --only goes with neither", id="only"),
        pytest.param(f"chain {SOURCE} --only last", "fix: run it once: --to", id="nothing-to-reuse"),
        pytest.param(f"chain {SOURCE} --each 2026-01-01", "[PL403] chain has no span parameter", id="each"),
        pytest.param("windowed --each 2026-01-01 -p day=2026-01-01", "by --each and by --param", id="both"),
        pytest.param("windowed --each June", "[PL402] 'June' is no range of days", id="range"),
        pytest.param("chain --profile prod", "[PL601] there is no profile prod", id="profile"),
    ],
)
def test_a_wrong_request_ends_with_2_and_its_fix(pipeline: Command, line: str, told: str) -> None:
    pipeline("run", *line.split(), code=2)
    assert told in pipeline.error
    assert "fix:" in pipeline.error
    error = pipeline.json("run", *line.split(), code=2)["error"]
    assert error["code"] in pipeline("run", *line.split(), code=2) + pipeline.error


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("PIPELINE_PARALLELISM", "many", "[PL601] parallelism in profile local is wrong"),
        ("PIPELINE_IMPORT_PATHS", "dags", "write lists and mappings as JSON"),
        ("PIPELINE_STATE_DIR", "number.txt", "[PL601] state_dir cannot be made"),
        ("PIPELINE_METADATA__URL", "nonsense", "[PL305]"),
    ],
)
def test_a_wrong_environment_ends_with_2(
    pipeline: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    pipeline("run", "chain", "-p", "source=number.txt", code=2)
    assert told in pipeline.error


def test_a_store_without_its_artifacts_says_so(pipeline: Command) -> None:
    pipeline.run()
    Path(".pipeline/metadata.sqlite").unlink()
    Path("number.txt").write_text("8")
    nodes = pipeline.run(code=1)["nodes"]
    assert "belongs to another metadata store" in nodes[0]["error"]["summary"]


def test_ctrl_c_ends_with_130_and_a_consistent_store(pipeline: Command) -> None:
    line = "run wicked -p source=number.txt -p how=hang -p marker=told"
    running = subprocess.Popen(
        [EXECUTABLE, *line.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: list(Path(".pipeline").rglob("misbehave.log")))
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert error.startswith("interrupted: ")
    (run,) = json.loads(pipeline("runs", "--json"))
    assert run["state"] == "CANCELED"
    assert pipeline("doctor").strip() == "nothing to mend"


def test_a_failed_run_is_resumed_by_its_id(pipeline: Command) -> None:
    given = ("-p", "source=number.txt", "-p", "marker=tries", "-p", "failures=3")
    failed = pipeline.json("run", "shaky", *given, code=1)
    result = pipeline.json("run", "shaky", "--resume", failed["run_id"])
    assert (result["run_id"], result["state"]) == (failed["run_id"], "COMPLETE")
    assert result["nodes"][0]["reason"] == "complete in this run already"


def test_what_is_resumed_is_as_it_was_given(pipeline: Command) -> None:
    pipeline("run", "chain", "--resume", "any", "-p", "source=number.txt", "--force", "all", code=2)
    assert "--param, --force would change it" in pipeline.error
    pipeline("run", "chain", "--resume", "nothing", code=2)
    assert "there is no run nothing" in pipeline.error
