"""Any order of runs, kills, resumptions, repairs, damage and collections: what is promised holds after each.

A few orders in the ordinary tests, always the same; `make chaos STATES=50 SEED=1` looks for others.
"""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from integration.launching import INTERRUPTED, Site, doctor, plan_of, profile_at
from pipeline_lib.artifacts.manifest import MANIFEST_NAME
from pipeline_lib.faults import LAUNCHING
from pipeline_lib.lineage.retention.collection import Policy, collect
from pipeline_lib.metadata.records import ArtifactQuery, ArtifactState, State, StoredArtifact
from pipeline_lib.runtime.healing import is_alive
from pipeline_lib.runtime.results import RunResult
from pipeline_lib.runtime.session import open_session
from pipeline_lib.settings import HostSettings

STATES = int(os.environ.get("STATES", "3"))
SEED = os.environ.get("SEED")
POINTS = [point for point in LAUNCHING if point not in {"resolved", "superseded"}]
HOW = {"kill": -signal.SIGKILL, "terminate": INTERRUPTED, "interrupt": INTERRUPTED}
DAMAGE: dict[str, Callable[[Path], None]] = {
    "folder": shutil.rmtree,
    "file": lambda place: (place / "number.txt").unlink(),
    "manifest": lambda place: (place / MANIFEST_NAME).unlink(),
}


class LauncherStates(RuleBasedStateMachine):
    """One store and root; `damaged` are artifacts that nobody has looked at since."""

    def __init__(self, folder: Path, host: HostSettings) -> None:
        super().__init__()
        source = folder / "number.txt"
        source.write_text("1")
        self.site = Site(profile=profile_at(folder, folder / "artifacts", host), source=source)
        self.damaged: set[int] = set()
        self.opened = open_session(self.site.profile)
        self.session = self.opened.__enter__()

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)

    @rule(number=st.integers(1, 3))
    def change_the_data(self, number: int) -> None:
        self.site.source.write_text(str(number))

    @rule(plus=st.integers(1, 2), force=st.booleans())
    def run(self, plus: int, force: bool) -> None:
        forced = frozenset({"add"}) if force else frozenset()
        given = {"source": str(self.site.source), "plus": plus}
        result = self.session.run(plan_of("chain"), given, force=forced)
        self.require_right(result, plus)

    @rule(
        how=st.sampled_from(sorted(HOW)),
        point=st.sampled_from(POINTS),
        count=st.integers(1, 3),
        plus=st.integers(1, 2),
    )
    def run_and_end_it(self, how: str, point: str, count: int, plus: int) -> None:
        process = self.site.start(f"{how}@{point}#{count}", plus=plus)
        _, complaints = process.communicate(timeout=60)
        assert process.returncode in (0, HOW[how]), complaints  # 0: it did not come to that point

    @rule()
    def resume(self) -> None:
        unfinished = [run for run in self.session.store.runs("chain") if run.state is not State.COMPLETE]
        if unfinished:
            latest = unfinished[0]
            known = {
                e.key.node for e in self.session.store.run_executions(latest.run_id) if e.state.succeeded
            }
            lost = {a.node for a in self.unusable() if a.run_id == latest.run_id}
            if known and (lost or self.uses_lost(latest.run_id)):
                return  # what is complete in a run stays so, even if its files are gone: a new run is needed
            result = self.session.run(plan_of("chain"), {}, resume=latest.run_id)
            self.require_right(result, int(latest.parameters["plus"]))

    @rule(how=st.sampled_from(sorted(DAMAGE)), which=st.integers(0, 5))
    def damage(self, how: str, which: int) -> None:
        whole = [a for a in self.live() if a.id not in self.damaged]
        if whole:
            chosen = whole[which % len(whole)]
            DAMAGE[how](Path(chosen.uri))
            self.damaged.add(chosen.id)

    @rule()
    def mend(self) -> None:
        doctor(self.session, mend=True)
        assert doctor(self.session) == []
        self.damaged.clear()
        assert list(self.session.store.active_executions()) == []
        assert all(run.state is not State.RUNNING for run in self.session.store.runs("chain", limit=1_000))
        staging = Path(self.site.profile.artifacts.root, ".staging")
        assert list(staging.glob("*")) == []

    @precondition(lambda self: not self.damaged)
    @rule(keep=st.integers(0, 1))
    def collect(self, keep: int) -> None:
        collect(
            self.session.store,
            self.session.artifacts,
            Policy(keep_last=keep),
            root=str(Path(self.site.profile.artifacts.root).resolve()),
            is_active=lambda run: is_alive(run.facts),
        )

    @invariant()
    def what_is_live_is_whole(self) -> None:
        for artifact in self.live():
            if artifact.id not in self.damaged:
                self.session.artifacts.verify(artifact.uri, artifact.digest, full=True)

    @invariant()
    def no_node_has_succeeded_twice(self) -> None:
        for run in self.session.store.runs("chain", limit=1_000):
            found = self.session.store.run_executions(run.run_id)
            done = Counter(str(e.key) for e in found if e.state.succeeded)
            assert max(done.values(), default=1) == 1
            assert run.state is not State.COMPLETE or done == {"read": 1, "add": 1, "last": 1}

    def live(self) -> list[StoredArtifact]:
        return list(self.session.store.artifacts(ArtifactQuery(limit=10_000)))

    def unusable(self) -> list[StoredArtifact]:
        found = self.session.store.artifacts(ArtifactQuery(limit=10_000, any_state=True))
        return [a for a in found if a.state is not ArtifactState.LIVE or a.id in self.damaged]

    def uses_lost(self, run_id: str) -> bool:
        lost = {artifact.id for artifact in self.unusable()}
        return any(
            artifact.id in lost
            for execution in self.session.store.run_executions(run_id)
            if execution.state.succeeded
            for artifacts in execution.outputs.values()
            for artifact in artifacts
        )

    def require_right(self, result: RunResult, plus: int) -> None:
        assert result.state is State.COMPLETE, [node.error for node in result.nodes]
        number = {}
        for node in result.nodes:
            (artifact,) = node.outputs["result"] if "result" in node.outputs else node.outputs["number"]
            self.damaged.discard(artifact.id)
            number[node.key.node] = int(Path(artifact.uri, "number.txt").read_text())
        assert number["last"] == 2 * number["read"] + plus


@pytest.mark.timeout(120 + 60 * STATES)
def test_any_order_keeps_what_is_promised(tmp_path: Path, host: HostSettings) -> None:
    folders = iter(range(1_000_000))

    def fresh() -> LauncherStates:
        folder = tmp_path / str(next(folders))
        folder.mkdir()
        return LauncherStates(folder, host)

    run_state_machine_as_test(
        seed(int(SEED))(fresh) if SEED else fresh,
        settings=settings(
            max_examples=STATES,
            stateful_step_count=10,
            deadline=None,
            derandomize=SEED is None,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
