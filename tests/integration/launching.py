"""Runs of toy pipelines in processes of their own, and what must hold after one of them was killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.metadata.records import ArtifactQuery
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.doctor import Doctor
from pipeline_lib.runtime.healing import unrecorded
from pipeline_lib.runtime.results import RunResult
from pipeline_lib.runtime.session import Session, open_session
from pipeline_lib.settings import ArtifactSettings, HostSettings, MetadataSettings, Profile

INTERRUPTED = 130
PIPELINES = Path(__file__).parent / "pipelines"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A profile of its own, and processes that work in it."""

    profile: Profile
    source: Path

    def order(self, pipeline: str = "chain", *, resume: str | None = None, **given: Any) -> dict[str, Any]:
        return {
            "profile": self.profile.model_dump(mode="json"),
            "pipeline": pipeline,
            "given": {"source": str(self.source), **given},
            "resume": resume,
        }

    def start(
        self,
        fault: str = "",
        *,
        pipeline: str = "chain",
        resume: str | None = None,
        under: Sequence[str] = (),
        **given: Any,
    ) -> subprocess.Popen[str]:
        """A run in a process of its own; `under` is a command that starts it."""
        return self.start_all([self.order(pipeline, resume=resume, **given)], fault, under=under)

    def start_all(
        self, orders: Sequence[Mapping[str, Any]], fault: str = "", *, under: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Several runs at once, each in a process of its own, that one process waits for."""
        environ = {**os.environ, "PYTHONPATH": str(PIPELINES)} | ({"PIPELINE_FAULT": fault} if fault else {})
        return subprocess.Popen(
            [*under, sys.executable, "-m", "toy", *map(json.dumps, orders)],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def crash(self, fault: str, **given: Any) -> None:
        process = self.start(fault, **given)
        _, complaints = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, complaints

    @contextmanager
    def session(self) -> Iterator[Session]:
        with open_session(self.profile) as session:
            yield session


def profile_at(state: Path, root: Path, host: HostSettings) -> Profile:
    return Profile(
        state_dir=state / "state",
        import_paths=(PIPELINES,),
        metadata=MetadataSettings(url=f"sqlite:///{state}/metadata.sqlite"),
        artifacts=ArtifactSettings(root=str(root)),
        host=host,
    )


def plan_of(name: str) -> Plan:
    sys.path.insert(0, str(PIPELINES)) if str(PIPELINES) not in sys.path else None
    import toy.pipeline as toy

    plan: Plan = getattr(toy, name).compile()
    return plan


def run(site: Site, session: Session, name: str = "chain", **given: Any) -> RunResult:
    return session.run(plan_of(name), {"source": str(site.source), **given})


def number_of(result: RunResult, node: str) -> int:
    (found,) = result.of(node)
    (artifact,) = found.outputs["number"]
    return int(Path(artifact.uri, "number.txt").read_text())


def doctor(session: Session, *, mend: bool = False) -> list[str]:
    checkup = Doctor(store=session.store, artifacts=session.artifacts, mend=mend, full=True)
    return [finding.kind for finding in checkup.examine()]


def require_nothing_partial(session: Session) -> None:
    """Whoever asks the store now is given only whole artifacts."""
    for artifact in session.store.artifacts(ArtifactQuery(limit=10_000)):
        session.artifacts.verify(artifact.uri, artifact.digest, full=True)


def require_clean(session: Session) -> None:
    """Nothing is left that is neither recorded nor of a living process."""
    assert doctor(session) == []
    assert list(session.store.active_executions()) == []
    assert list(unrecorded(session.store, session.artifacts)) == []
    root = Path(session.profile.artifacts.root)
    assert list((root / ".staging").glob("*")) == []
    recorded = {a.uri for a in session.store.artifacts(ArtifactQuery(limit=10_000))}
    assert {str(file.parent) for file in root.rglob(".manifest.json")} == recorded


def require_one_success_each(session: Session, run_id: str) -> None:
    done = Counter(str(e.key) for e in session.store.run_executions(run_id) if e.state.succeeded)
    assert done == {"read": 1, "add": 1, "last": 1}


def wait_until_stopped(process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never came to that point"
        time.sleep(0.02)
