"""The launcher's invariants: a real process is killed, stopped or asked to end at each point."""

import json
import signal
from collections import Counter
from pathlib import Path

import pytest

from integration.launching import (
    INTERRUPTED,
    Site,
    doctor,
    number_of,
    plan_of,
    require_clean,
    require_nothing_partial,
    require_one_success_each,
    run,
    wait_until_stopped,
)
from pipeline_lib.errors import RunConflictError, UnknownRecordError
from pipeline_lib.faults import LAUNCHING
from pipeline_lib.metadata.records import ArtifactQuery, State
from pipeline_lib.runtime.results import Outcome

IN_A_CHAIN = [point for point in LAUNCHING if point not in {"resolved", "cached", "superseded"}]


# --- killed at each point -------------------------------------------------------------------------------


@pytest.mark.parametrize("point", IN_A_CHAIN)
def test_the_doctor_puts_right_what_a_kill_leaves(site: Site, point: str) -> None:
    site.crash(f"kill@{point}")
    with site.session() as session:
        require_nothing_partial(session)
        found = doctor(session, mend=True)
        assert ("orphan" in found) == (point != "run-closed")
        assert "unrecorded" not in found  # cleared away with the execution
        require_clean(session)
        (killed,) = session.store.runs("chain")
        assert killed.state is (State.COMPLETE if point == "run-closed" else State.FAILED)
        again = run(site, session)
        assert (again.state, number_of(again, "last")) == (State.COMPLETE, 15)
        require_one_success_each(session, again.run_id)
        require_clean(session)


@pytest.mark.parametrize("how", ["terminate", "interrupt"])
@pytest.mark.parametrize("point", IN_A_CHAIN)
def test_a_run_that_is_asked_to_end_leaves_nothing_to_mend(site: Site, point: str, how: str) -> None:
    """SIGTERM, and Ctrl-C twice: what runs is stopped, and all of it is recorded."""
    process = site.start(f"{how}@{point}")
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, complaints
    with site.session() as session:
        require_clean(session)
        (ended,) = session.store.runs("chain")
        assert ended.state is (State.COMPLETE if point in {"run-ended", "run-closed"} else State.CANCELED)
        again = session.run(plan_of("chain"), {}, resume=ended.run_id)
        assert (again.state, number_of(again, "last")) == (State.COMPLETE, 15)
        require_one_success_each(session, again.run_id)


def test_a_terminal_that_is_closed_ends_a_run(site: Site) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, by the run too
    process = site.start("hangup@executed")
    signal.signal(signal.SIGHUP, before)
    process.communicate(timeout=60)
    with site.session() as session:
        require_clean(session)
        assert [ended.state for ended in session.store.runs("chain")] == [State.CANCELED]


@pytest.mark.parametrize("point", ["registered", "executed", "renamed", "completed"])
def test_a_killed_run_is_resumed_and_heals_itself(site: Site, point: str) -> None:
    site.crash(f"kill@{point}#2")
    with site.session() as session:
        (killed,) = session.store.runs("chain")
        before = {str(e.key): e for e in session.store.run_executions(killed.run_id) if e.state.succeeded}
        result = session.run(plan_of("chain"), {}, resume=killed.run_id)
        assert (result.run_id, result.state) == (killed.run_id, State.COMPLETE)
        assert number_of(result, "last") == 15
        assert {str(n.key) for n in result.nodes if n.reason == "complete in this run already"} == set(before)
        require_one_success_each(session, killed.run_id)
        assert set(doctor(session, mend=True)) <= {"staging"}
        require_clean(session)


def test_the_next_run_clears_away_a_dead_try_and_says_so(site: Site) -> None:
    site.crash("kill@renamed#2")
    with site.session() as session:
        result = run(site, session)
        (add,) = result.of("add")
        assert "cleared away after execution 2" in add.reason
        assert set(doctor(session, mend=True)) == {"orphan"}  # the run
        require_clean(session)


def test_a_kill_between_two_outputs_publishes_neither(site: Site) -> None:
    site.crash("kill@renamed#3", pipeline="parts", into=3)
    with site.session() as session:
        require_nothing_partial(session)
        assert [a.node for a in session.store.artifacts(ArtifactQuery())] == ["read"]
        assert len(list(Path(session.profile.artifacts.root, "parts/split/numbers").rglob("*.json"))) == 2
        assert "orphan" in doctor(session, mend=True)
        require_clean(session)
        assert number_of(run(site, session, "parts"), "all") == 9


@pytest.mark.parametrize(("point", "pipeline"), [("cached", "chain"), ("resolved", "newest")])
def test_recording_without_executing_survives_a_kill(site: Site, point: str, pipeline: str) -> None:
    with site.session() as session:
        first = run(site, session, pipeline)
        site.crash(f"kill@{point}", pipeline=pipeline)
        (killed,) = [r for r in session.store.runs(pipeline) if r.run_id != first.run_id]
        result = session.run(plan_of(pipeline), {}, resume=killed.run_id)
        assert result.state is State.COMPLETE
        done = Counter(str(e.key) for e in session.store.run_executions(killed.run_id))
        assert set(done.values()) == {1}
        require_clean(session)


def test_files_that_a_failed_try_could_not_take_back_are_found(site: Site) -> None:
    site.crash("kill@published")
    with site.session() as session:
        (execution,) = session.store.active_executions()
        session.store.finish(execution.id, State.FAILED, {})
        assert "unrecorded" in doctor(session)
        assert "unrecorded" in doctor(session, mend=True)
        require_clean(session)


def test_the_doctor_leaves_a_living_try_alone(site: Site) -> None:
    process = site.start("stop@published")
    with site.session() as session:
        wait_until_stopped(process)
        assert doctor(session, mend=True) == []
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
        assert json.loads(output)["state"] == "COMPLETE"
        require_clean(session)


def test_a_try_taken_for_dead_cannot_publish(site: Site) -> None:
    process = site.start("stop@published")
    with site.session() as session:
        wait_until_stopped(process)
        (execution,) = session.store.active_executions()
        session.store.finish(execution.id, State.FAILED, {"orphaned": True})
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        (failed,) = session.store.run_executions(execution.key.run_id)
        assert (failed.state, failed.facts["error"]["code"]) == (State.FAILED, "PL307")
        assert list(session.store.artifacts(ArtifactQuery())) == []
        require_clean(session)


@pytest.mark.parametrize("point", ["prepared", "staged", "renaming", "published"])
def test_an_error_in_the_launcher_itself_fails_the_node_only(site: Site, point: str) -> None:
    process = site.start(f"raise@{point}")
    output, complaints = process.communicate(timeout=60)
    assert json.loads(output)["state"] == "FAILED", complaints
    with site.session() as session:
        require_clean(session)
        assert run(site, session).state is State.COMPLETE


# --- the same node of the same run, twice at once -------------------------------------------------------


@pytest.mark.parametrize("point", ["registered", "executed", "published"])
def test_a_try_that_slept_takes_the_outputs_of_the_one_that_won(site: Site, point: str) -> None:
    sleeper = site.start(f"stop@{point}#2")
    with site.session() as session:
        wait_until_stopped(sleeper)
        (asleep,) = session.store.runs("chain")
        won = session.run(plan_of("chain"), {}, resume=asleep.run_id)
        assert won.state is State.COMPLETE
        sleeper.send_signal(signal.SIGCONT)
        output, complaints = sleeper.communicate(timeout=60)
        assert sleeper.returncode == 0, complaints
        told = json.loads(output)
        assert told["state"] == "COMPLETE"
        assert told["outputs"] == {str(n.key): [a.id for a in n.outputs["number"]] for n in won.nodes}
        require_one_success_each(session, asleep.run_id)
        require_clean(session)


def test_the_loser_may_die_before_it_has_cleaned_up(site: Site) -> None:
    sleeper = site.start("stop@published#2")
    with site.session() as session:
        wait_until_stopped(sleeper)
        (asleep,) = session.store.runs("chain")
        won = session.run(plan_of("chain"), {}, resume=asleep.run_id)
        sleeper.kill()
        sleeper.communicate()
        assert "orphan" in doctor(session, mend=True)
        require_clean(session)
        assert number_of(won, "last") == 15


def test_two_processes_resume_one_run_at_once(site: Site) -> None:
    site.crash("kill@prepared")
    with site.session() as session:
        (killed,) = session.store.runs("chain")
        both = [site.start(resume=killed.run_id) for _ in range(2)]
        told = [json.loads(process.communicate(timeout=60)[0]) for process in both]
        assert [t["state"] for t in told] == ["COMPLETE", "COMPLETE"]
        assert told[0]["outputs"] == told[1]["outputs"]
        require_one_success_each(session, killed.run_id)
        require_clean(session)


# --- resuming -------------------------------------------------------------------------------------------


def test_a_failed_run_is_resumed_with_what_it_was_given(site: Site, tmp_path: Path) -> None:
    with site.session() as session:
        given = {"marker": str(tmp_path / "tries"), "failures": 3}
        failed = run(site, session, "shaky", **given)
        assert failed.state is State.FAILED
        site.source.write_text("8")  # complete nodes are not executed again
        result = session.run(plan_of("shaky"), {}, resume=failed.run_id)
        assert (result.state, number_of(result, "flaky")) == (State.COMPLETE, 7)
        stored = session.store.run(failed.run_id)
        assert stored is not None
        assert (stored.state, stored.parameters["failures"]) == (State.COMPLETE, 3)
        assert stored.ended_at is not None
        assert [n.outcome for n in session.run(plan_of("shaky"), {}, resume=failed.run_id).nodes] == [
            Outcome.COMPLETE,
            Outcome.COMPLETE,
        ]


def test_only_a_run_of_the_pipeline_can_be_resumed(site: Site) -> None:
    with site.session() as session:
        result = run(site, session)
        with pytest.raises(RunConflictError, match="is one of pipeline chain"):
            session.run(plan_of("diamond"), {}, resume=result.run_id)
        with pytest.raises(UnknownRecordError, match="there is no run"):
            session.run(plan_of("chain"), {}, resume="nothing")
