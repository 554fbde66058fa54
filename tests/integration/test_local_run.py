"""Whole runs of small pipelines: real store, real child processes, real files."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline_lib.errors import SecretError
from pipeline_lib.metadata.records import ArtifactQuery, State
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.results import Outcome, RunResult
from pipeline_lib.runtime.selection import Selection
from pipeline_lib.runtime.session import Session, open_session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile
from waiting import wait_until

PIPELINES = Path(__file__).parent / "pipelines"


@pytest.fixture
def profile(tmp_path: Path, host: HostSettings) -> Profile:
    return Profile(
        state_dir=tmp_path / "state",
        import_paths=(PIPELINES,),
        metadata=MetadataSettings(url=f"sqlite:///{tmp_path}/metadata.sqlite"),
        artifacts=ArtifactSettings(root=str(tmp_path / "artifacts")),
        host=host,
    )


@pytest.fixture
def session(profile: Profile) -> Iterator[Session]:
    with open_session(profile) as opened:
        yield opened


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "number.txt"
    file.write_text("7")
    return file


def plan_of(name: str) -> Plan:
    sys.path.insert(0, str(PIPELINES)) if str(PIPELINES) not in sys.path else None
    import toy.pipeline as toy

    plan: Plan = getattr(toy, name).compile()
    return plan


def outcomes(result: RunResult) -> dict[str, Outcome]:
    return {str(node.key): node.outcome for node in result.nodes}


def number_of(result: RunResult, node: str) -> int:
    (found,) = result.of(node)
    (artifact,) = found.outputs["number"]
    assert Path(artifact.uri, "number.txt").read_text() == str(artifact.properties["value"])
    return int(artifact.properties["value"])


def test_a_chain_runs_and_the_second_time_comes_from_the_cache(session: Session, source: Path) -> None:
    plan = plan_of("chain")
    first = session.run(plan, {"source": str(source)})
    assert outcomes(first) == dict.fromkeys(["read", "add", "last"], Outcome.COMPLETE)
    assert number_of(first, "last") == 15
    second = session.run(plan, {"source": str(source)})
    assert set(outcomes(second).values()) == {Outcome.CACHED}
    assert [n.outputs for n in second.nodes] == [n.outputs for n in first.nodes]


def test_an_equal_result_upstream_cuts_off_what_follows(session: Session, source: Path) -> None:
    plan = plan_of("chain")
    session.run(plan, {"source": str(source)})
    source.write_text(" 7 \n")
    result = session.run(plan, {"source": str(source)})
    assert outcomes(result) == {"read": Outcome.COMPLETE, "add": Outcome.CACHED, "last": Outcome.CACHED}


def test_a_changed_parameter_executes_what_depends_on_it(session: Session, source: Path) -> None:
    plan = plan_of("chain")
    session.run(plan, {"source": str(source)})
    result = session.run(plan, {"source": str(source), "plus": 2})
    assert outcomes(result) == {"read": Outcome.CACHED, "add": Outcome.COMPLETE, "last": Outcome.COMPLETE}
    assert "plus: 1 -> 2" in result.of("add")[0].reason


@pytest.mark.parametrize(("limit", "ran", "skipped"), [(3, "large", "small"), (10, "small", "large")])
def test_a_condition_skips_its_block(
    session: Session, source: Path, limit: int, ran: str, skipped: str
) -> None:
    result = session.run(plan_of("diamond"), {"source": str(source), "limit": limit})
    assert (outcomes(result)[ran], outcomes(result)[skipped]) == (Outcome.COMPLETE, Outcome.SKIPPED)
    assert result.state is State.COMPLETE


def test_a_loop_runs_once_per_value_and_gathers(session: Session, source: Path) -> None:
    result = session.run(plan_of("fan"), {"source": str(source), "steps": [10, 20]})
    assert sorted(outcomes(result)) == ["add[0]", "add[1]", "read", "total"]
    assert number_of(result, "total") == 44


def test_a_loop_over_nothing_gathers_nothing(session: Session, source: Path) -> None:
    result = session.run(plan_of("fan"), {"source": str(source), "steps": []})
    assert sorted(outcomes(result)) == ["read", "total"]
    assert number_of(result, "total") == 0


def test_a_loop_over_artifacts(session: Session, source: Path) -> None:
    result = session.run(plan_of("parts"), {"source": str(source)})
    assert len(result.of("add")) == 3
    assert number_of(result, "all") == 9
    (rest,) = result.of("split")[0].outputs["rest"]
    assert rest.properties["value"] == 1


def test_an_absent_optional_output_is_no_artifact(session: Session, source: Path) -> None:
    source.write_text("6")
    result = session.run(plan_of("parts"), {"source": str(source)})
    assert result.of("split")[0].outputs.get("rest", ()) == ()


def test_a_window_takes_the_latest_spans_up_to_this_one(session: Session, source: Path) -> None:
    plan = plan_of("windowed")
    totals = []
    for span in range(1, 6):
        source.write_text(str(10**span))
        result = session.run(plan, {"source": str(source), "span": span, "day": f"2026-01-0{span}"})
        totals.append(number_of(result, "total"))
    assert totals == [10, 110, 1110, 11100, 111000]


def test_late_data_replaces_the_span_in_the_window(session: Session, source: Path) -> None:
    plan = plan_of("windowed")
    for span, text in ((1, "1"), (2, "20"), (1, "3")):
        source.write_text(text)
        session.run(plan, {"source": str(source), "span": span, "day": f"2026-01-0{span}"})
    source.write_text("500")
    result = session.run(plan, {"source": str(source), "span": 3, "day": "2026-01-03"})
    assert number_of(result, "total") == 523


def test_retries_end_in_success_and_each_try_is_recorded(
    session: Session, source: Path, tmp_path: Path
) -> None:
    given = {"source": str(source), "marker": str(tmp_path / "tries"), "failures": 1}
    result = session.run(plan_of("shaky"), given)
    (node,) = result.of("flaky")
    assert (node.outcome, node.tries) == (Outcome.COMPLETE, 2)
    states = [e.state for e in session.store.run_executions(result.run_id) if e.key.node == "flaky"]
    assert states == [State.FAILED, State.COMPLETE]


def test_retries_come_to_an_end(session: Session, source: Path, tmp_path: Path) -> None:
    given = {"source": str(source), "marker": str(tmp_path / "tries"), "failures": 9}
    result = session.run(plan_of("shaky"), given)
    (node,) = result.of("flaky")
    assert (node.outcome, node.tries, result.state) == (Outcome.FAILED, 3, State.FAILED)
    assert "try 3 of 10" in str(node.error)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        pytest.param("raise", "a body that raises", id="raises"),
        pytest.param("unset", "length", id="reads-unset-property"),
        pytest.param("exit", "exit", id="exits"),
        pytest.param("kill", "SIGKILL", id="is-killed"),
        pytest.param("wrong-type", "Note", id="returns-another-type"),
        pytest.param("input", "did not make", id="returns-its-input"),
        pytest.param("link", "link", id="links-outside"),
    ],
)
def test_a_failing_node_blocks_its_followers_only(
    session: Session, source: Path, tmp_path: Path, how: str, message: str
) -> None:
    marker = tmp_path / "told"
    result = session.run(plan_of("wicked"), {"source": str(source), "how": how, "marker": str(marker)})
    assert outcomes(result) == {
        "read": Outcome.COMPLETE,
        "misbehave": Outcome.FAILED,
        "beside": Outcome.COMPLETE,
        "after_bad": Outcome.BLOCKED,
        "tell": Outcome.COMPLETE,
    }
    assert result.state is State.FAILED
    assert marker.read_text() == "told"
    (failed,) = result.of("misbehave")
    assert message in str(failed.error)
    made = session.store.artifacts(ArtifactQuery(pipeline="wicked", node="misbehave"))
    assert list(made) == []
    assert _files_under(session, "wicked/misbehave") == []
    fixed = session.run(plan_of("wicked"), {"source": str(source), "how": "", "marker": str(marker)})
    assert fixed.state is State.COMPLETE


def test_a_time_limit_ends_a_hanging_body(session: Session, source: Path, tmp_path: Path) -> None:
    plan = plan_of("wicked")
    nodes = tuple(
        node.model_copy(update={"options": node.options.model_copy(update={"timeout_seconds": 1.5})})
        if node.id == "misbehave"
        else node
        for node in plan.nodes
    )
    given = {"source": str(source), "how": "hang", "marker": str(tmp_path / "told")}
    started = time.perf_counter()
    result = session.run(plan.model_copy(update={"nodes": nodes}), given)
    assert time.perf_counter() - started < 30
    assert "1.5" in str(result.of("misbehave")[0].error)


def test_partial_runs_reuse_earlier_outputs(session: Session, source: Path) -> None:
    plan = plan_of("chain")
    session.run(plan, {"source": str(source)})
    result = session.run(plan, {"source": str(source)}, selection=Selection.of(plan, only=["last"]))
    assert outcomes(result) == {"read": Outcome.REUSED, "add": Outcome.REUSED, "last": Outcome.CACHED}
    upto = session.run(plan, {"source": str(source)}, selection=Selection.of(plan, stop=["add"]))
    assert outcomes(upto)["last"] is Outcome.LEFT_OUT


def test_forced_nodes_are_executed(session: Session, source: Path) -> None:
    plan = plan_of("chain")
    session.run(plan, {"source": str(source)})
    result = session.run(plan, {"source": str(source)}, force=frozenset({"add"}))
    assert outcomes(result) == {"read": Outcome.CACHED, "add": Outcome.COMPLETE, "last": Outcome.CACHED}


def test_a_damaged_output_is_made_again(session: Session, source: Path) -> None:
    plan = plan_of("chain")
    first = session.run(plan, {"source": str(source)})
    (artifact,) = first.of("add")[0].outputs["number"]
    Path(artifact.uri, "number.txt").unlink()
    again = session.run(plan, {"source": str(source)})
    assert outcomes(again) == {"read": Outcome.CACHED, "add": Outcome.COMPLETE, "last": Outcome.CACHED}


def test_what_the_body_prints_is_in_the_log(session: Session, source: Path) -> None:
    result = session.run(plan_of("chain"), {"source": str(source)})
    log = result.of("read")[0].log
    assert log is not None
    assert f"reading {source}" in log.read_text()


def test_executions_record_their_surroundings(session: Session, source: Path) -> None:
    result = session.run(plan_of("chain"), {"source": str(source)})
    (node,) = result.of("add")
    execution = session.store.execution(node.execution_id or 0)
    assert execution is not None
    facts = execution.facts
    assert {"user", "host", "git_commit", "git_dirty", "environment_digest", "cache_parts"} <= set(facts)
    assert facts["wall_seconds"] > 0
    assert facts["peak_memory_bytes"] > 1_000_000
    assert execution.inputs["a"][0].id == result.of("read")[0].outputs["number"][0].id


def test_cancelling_ends_running_bodies_and_is_recorded(
    profile: Profile, source: Path, tmp_path: Path
) -> None:
    script = (
        "import sys, json; sys.path[:0] = [sys.argv[1]]\n"
        "from toy.pipeline import wicked\n"
        "from pipeline_lib.runtime.session import open_session\n"
        "from pipeline_lib.settings import Profile\n"
        "profile = Profile.model_validate_json(sys.argv[2])\n"
        "with open_session(profile) as session:\n"
        "    session.run(wicked.compile(), json.loads(sys.argv[3]))\n"
    )
    given = {"source": str(source), "how": "hang", "marker": str(tmp_path / "told")}
    runner = subprocess.Popen(
        [sys.executable, "-c", script, str(PIPELINES), profile.model_dump_json(), json.dumps(given)],
        stderr=subprocess.PIPE,
    )
    with open_session(profile) as session:
        wait_until(lambda: any(e.key.node == "misbehave" for e in session.store.active_executions()))
        time.sleep(0.5)
        runner.send_signal(signal.SIGINT)
        runner.communicate(timeout=60)
        assert runner.returncode != 0
        assert list(session.store.active_executions()) == []
        (run,) = session.store.runs("wicked")
        assert run.state is State.CANCELED
        states = {e.key.node: e.state for e in session.store.run_executions(run.run_id)}
        assert states["misbehave"] is State.CANCELED


def test_a_killed_runner_leaves_nothing_that_the_next_run_trips_over(
    profile: Profile, source: Path, tmp_path: Path
) -> None:
    script = (
        "import sys, json; sys.path[:0] = [sys.argv[1]]\n"
        "from toy.pipeline import wicked\n"
        "from pipeline_lib.runtime.session import open_session\n"
        "from pipeline_lib.settings import Profile\n"
        "with open_session(Profile.model_validate_json(sys.argv[2])) as session:\n"
        "    session.run(wicked.compile(), json.loads(sys.argv[3]))\n"
    )
    given: dict[str, Any] = {"source": str(source), "how": "hang", "marker": str(tmp_path / "told")}
    runner = subprocess.Popen(
        [sys.executable, "-c", script, str(PIPELINES), profile.model_dump_json(), json.dumps(given)]
    )
    from pipeline_lib.runtime.doctor import Doctor

    with open_session(profile) as session:
        wait_until(lambda: any(e.key.node == "misbehave" for e in session.store.active_executions()))
        runner.kill()
        runner.wait()
        checkup = Doctor(store=session.store, artifacts=session.artifacts, mend=True)
        assert "orphan" in [finding.kind for finding in checkup.examine()]
        assert list(replace(checkup, mend=False).examine()) == []
        result = session.run(plan_of("wicked"), {**given, "how": ""})
        assert result.state is State.COMPLETE
        assert outcomes(result)["read"] is Outcome.CACHED


def _files_under(session: Session, place: str) -> list[Path]:
    root = Path(session.profile.artifacts.root) / place
    return [path for path in root.rglob("*") if path.is_file()] if root.exists() else []


def test_a_secret_is_neither_stored_nor_logged(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_PASSWORD", "correct-horse-battery")
    result = session.run(plan_of("guarded"), {"password": "env:TOY_PASSWORD"})
    assert number_of(result, "login") == len("correct-horse-battery")
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [path for path, content in kept.items() if b"correct-horse-battery" in content] == []
    assert any(b"env:TOY_PASSWORD" in content for content in kept.values())


def test_a_secret_in_clear_is_refused_before_anything_runs(session: Session, tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="by reference, not in clear") as caught:
        session.run(plan_of("guarded"), {"password": "correct-horse-battery"})
    assert "correct-horse-battery" not in str(caught.value)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [path for path, content in kept.items() if b"correct-horse-battery" in content] == []


def test_no_thread_or_child_is_left(session: Session, source: Path) -> None:
    before = set(psutil.Process().children())
    session.run(plan_of("chain"), {"source": str(source)})
    assert [t.name for t in threading.enumerate() if t.name.startswith("node")] == []
    assert set(psutil.Process().children()) - before == set()
