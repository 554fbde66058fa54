"""Many runs at once: what several want is computed once, and nobody waits for the dead or the sleeping."""

import functools
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pipeline_lib.runtime.launcher
from integration.launching import (
    INTERRUPTED,
    Site,
    number_of,
    plan_of,
    require_clean,
    require_nothing_partial,
    run,
    wait_until_stopped,
)
from pipeline_lib.metadata.records import ArtifactQuery, State
from pipeline_lib.runtime.results import Event, NodeStep, Outcome, Step
from pipeline_lib.runtime.session import Session
from pipeline_lib.runtime.turns import Turn
from pipeline_lib.settings import MetadataSettings
from postgres_server import own_server
from waiting import wait_until

RUNS = 20
LASTS = 1 + RUNS // 2


@pytest.fixture(scope="module")
def fresh_postgresql() -> Iterator[Any]:
    with own_server() as server:
        yield server.fresh_url


@pytest.fixture(params=["sqlite", "postgresql"])
def there(request: pytest.FixtureRequest, site: Site) -> Site:
    """The place, with a store on either backend that nobody has opened yet."""
    if request.param == "sqlite":
        return site
    metadata = MetadataSettings(url=request.getfixturevalue("fresh_postgresql")())
    return replace(site, profile=site.profile.model_copy(update={"metadata": metadata}))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "worked.txt"


def times_worked(marker: Path) -> int:
    return len(marker.read_text().splitlines())


def told(process: subprocess.Popen[str], patience: float = 120) -> list[Mapping[str, Any]]:
    output, complaints = process.communicate(timeout=patience)
    assert process.returncode == 0, complaints
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.timeout(180)
def test_many_runs_at_once_on_a_fresh_store(there: Site, marker: Path) -> None:
    """Half of them want the same, the rest something else at their end; all share what comes before."""
    orders = [
        there.order("busy", marker=str(marker), seconds=0.5, plus=number if number % 2 else 0)
        for number in range(RUNS)
    ]
    results = told(there.start_all(orders), 150)
    assert Counter(result["state"] for result in results) == {"COMPLETE": RUNS}
    assert len({result["run_id"] for result in results}) == RUNS
    assert times_worked(marker) == 1
    assert len({str(result["outputs"]["work"]) for result in results}) == 1
    assert len({str(result["outputs"]["last"]) for result in results}) == LASTS
    with there.session() as session:
        for result in results:
            found = session.store.run_executions(result["run_id"])
            done = Counter(str(e.key) for e in found if e.state.succeeded)
            assert done == {"read": 1, "work": 1, "last": 1}
        assert len(session.store.artifacts(ArtifactQuery())) == 2 + LASTS
        require_nothing_partial(session)
        require_clean(session)


WAITING = Step.WAITING_FOR_RUN


def wait_for_work(marker: Path, process: subprocess.Popen[str]) -> None:
    """Until the body runs."""
    deadline = time.monotonic() + 60
    while not marker.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_pipelines_with_a_node_in_common_compute_it_once(site: Site, marker: Path) -> None:
    with site.session() as session:
        first = site.start(pipeline="busy", marker=str(marker), seconds=1.5)
        wait_for_work(marker, first)
        steps: list[Event] = []
        second = session.run(
            plan_of("busy_too"),
            {"source": str(site.source), "marker": str(marker), "seconds": 1.5},
            observe=steps.append,
        )
        (result,) = told(first)
        assert times_worked(marker) == 1
        (shared,) = second.of("work")
        assert (shared.outcome, [a.id for a in shared.outputs["number"]]) == (
            Outcome.CACHED,
            result["outputs"]["work"],
        )
        waited = [step.detail for step in steps if isinstance(step, NodeStep) and step.step is WAITING]
        assert waited == [f"run {result['run_id']} computes it"]
        require_clean(session)


def test_who_waits_for_a_run_that_is_killed_takes_its_place(site: Site, marker: Path) -> None:
    with site.session() as session:
        first = site.start("kill@executed#2", pipeline="busy", marker=str(marker), seconds=1.0)
        wait_for_work(marker, first)
        others = site.start_all([site.order("busy", marker=str(marker), seconds=1.0)] * 3)
        results = told(others)
        assert first.wait(60) == -signal.SIGKILL
        first.communicate()
        assert times_worked(marker) == 2, "once by the one that was killed, once by one of those who waited"
        assert len({str(result["outputs"]["work"]) for result in results}) == 1
        require_nothing_partial(session)


def test_nobody_waits_for_a_run_that_sleeps(
    site: Site, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_lib.runtime.launcher, "Turn", functools.partial(Turn, patience_seconds=0.5))
    with site.session() as session:
        sleeper = site.start("stop@executed#2", pipeline="busy", marker=str(marker))
        wait_until_stopped(sleeper)
        result = run(site, session, "busy", marker=str(marker))
        assert (result.state, number_of(result, "last")) == (State.COMPLETE, 8)
        assert times_worked(marker) == 2
        sleeper.send_signal(signal.SIGCONT)
        (awake,) = told(sleeper)
        assert awake["state"] == "COMPLETE"
        require_nothing_partial(session)
        require_clean(session)


def test_who_waits_can_be_asked_to_end(site: Site, marker: Path) -> None:
    with site.session() as session:
        first, second = (site.start(pipeline="busy", marker=str(marker), seconds=60) for _ in range(2))
        wait_for_work(marker, first)
        wait_until(lambda: sum(_has_read(session, run.run_id) for run in session.store.runs("busy")) == 2)
        for process in (second, first):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            assert process.returncode == INTERRUPTED
        assert {run.state for run in session.store.runs("busy")} == {State.CANCELED}
        require_clean(session)


def _has_read(session: Session, run_id: str) -> bool:
    return any(e.key.node == "read" and e.state.succeeded for e in session.store.run_executions(run_id))


def test_a_body_that_fails_fails_all_who_waited_without_a_queue(site: Site, marker: Path) -> None:
    """Each of them would otherwise fail after the other, and the last one waits for all."""
    with site.session() as session:
        order = site.order("busy", marker=str(marker.parent / "nowhere" / "worked.txt"))
        output, complaints = site.start_all([order] * 4).communicate(timeout=90)
        results = [json.loads(line) for line in output.splitlines()]
        assert [result["state"] for result in results] == ["FAILED"] * 4, complaints
        assert {result["errors"][0]["code"] for result in results} == {"PL420"}
        require_clean(session)
