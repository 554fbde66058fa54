"""What a profile opens: store, artifacts, executor; and a run's context, made from the surroundings."""

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store
from pipeline_lib.errors import ProfileError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.environment import surroundings
from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.launcher import Launcher, RunContext
from pipeline_lib.runtime.parameters import bind, span_of
from pipeline_lib.runtime.results import Observer, RunResult
from pipeline_lib.runtime.runner import LocalRunner
from pipeline_lib.runtime.selection import Selection
from pipeline_lib.settings import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open profile."""

    profile: Profile
    store: Store
    artifacts: ArtifactStore
    executor: Executor

    def launcher(self, context: RunContext, *, cancel: threading.Event | None = None) -> Launcher:
        """A launcher for one run."""
        return Launcher(
            store=self.store,
            artifacts=self.artifacts,
            executor=self.executor,
            profile=self.profile,
            run=context,
            cancel=cancel or threading.Event(),
        )

    def run(
        self,
        plan: Plan,
        given: Mapping[str, Any],
        *,
        selection: Selection | None = None,
        force: frozenset[str] = frozenset(),
        verify_full: bool = False,
        observe: Observer = lambda _: None,
    ) -> RunResult:
        """Run a plan locally, with parameters as plain JSON.

        Raises:
            RunParameterError: A parameter is unknown, missing or wrong.
            SelectionError: The partial run has nothing to go on from.
        """
        parameters = bind(plan, given)
        context = replace(
            new_context(plan, span=span_of(plan, parameters), profile=self.profile),
            force=force,
            verify_full=verify_full,
        )
        runner = LocalRunner(plan, self.launcher(context), parameters, selection=selection, observe=observe)
        return runner.run()


@contextmanager
def open_session(profile: Profile, *, cold: bool = False) -> Iterator[Session]:
    """Open what the profile names, and close it afterwards.

    Args:
        profile: Which store, which artifact root, which host.
        cold: Execute every node in a fresh process instead of the warm host.

    Raises:
        MetadataUnavailableError: The metadata store cannot be opened.
        ArtifactStoreError: The artifact root cannot be opened.
        ProfileError: The state directory cannot be made.
    """
    state_dir = Path(profile.state_dir).resolve()
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProfileError(
            f"state_dir cannot be made: {error.strerror}",
            at=str(state_dir),
            fix="name a directory that you may write to",
        ) from error
    artifacts = open_artifact_store(
        profile.artifacts.root, profile.artifacts.storage_options, cache_dir=state_dir / "artifact-cache"
    )
    with open_store(profile.metadata) as store:
        executor = Executor(
            host=profile.host,
            state_dir=state_dir,
            environments=profile.environments,
            cold=cold,
        )
        yield Session(profile=profile, store=store, artifacts=artifacts, executor=executor)


def new_context(plan: Plan, *, span: str, profile: Profile) -> RunContext:
    """A new run's identity and what is worth knowing of its surroundings."""
    now = datetime.now(UTC)
    return RunContext(
        pipeline=plan.name,
        run_id=f"{plan.name}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        span=span,
        facts={
            "profile": profile.name,
            "pid_started": psutil.Process().create_time(),
            **surroundings(Path.cwd()),
            "plan_digest": plan.digest,
        },
    )
