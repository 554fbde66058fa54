"""What a profile opens: store, artifacts, executor; and a run's context, made from the surroundings."""

import hashlib
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline_lib.artifacts.store import ArtifactStore, open_artifact_store
from pipeline_lib.errors import ProfileError, RunConflictError, UnknownRecordError
from pipeline_lib.metadata.mlmd import open_store
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Plan
from pipeline_lib.runtime.approvals import Approver
from pipeline_lib.runtime.environment import git_diff, surroundings
from pipeline_lib.runtime.execution import Executor
from pipeline_lib.runtime.healing import clear_away, is_dead
from pipeline_lib.runtime.launcher import Launcher, RunContext
from pipeline_lib.runtime.parameters import bind, span_of
from pipeline_lib.runtime.processes import birth_of
from pipeline_lib.runtime.results import Observer, RunInterrupted, RunResult
from pipeline_lib.runtime.runner import LocalRunner
from pipeline_lib.runtime.selection import Selection
from pipeline_lib.runtime.stopping import stoppable
from pipeline_lib.settings import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open profile."""

    profile: Profile
    store: Store
    artifacts: ArtifactStore
    executor: Executor

    def launcher(self, context: RunContext, *, cancel: threading.Event | None = None) -> Launcher:
        """A launcher for one run; what its facts name by digest is kept."""
        for digest, text in context.texts.items():
            self.store.keep_text(digest, text)
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
        resume: str | None = None,
        selection: Selection | None = None,
        force: frozenset[str] = frozenset(),
        verify_full: bool = False,
        approver: Approver | None = None,
        observe: Observer = lambda _: None,
    ) -> RunResult:
        """Run a plan locally, with parameters as plain JSON.

        Args:
            plan: What to run.
            given: Parameters by name; of no account for a run that is resumed.
            resume: Id of a run that was killed or failed, to go on with as it was given. What is complete in
                it stays so, even if its code has changed since; the rest is run.
            selection: The nodes of a partial run; all by default.
            force: Nodes to execute although cached.
            verify_full: Hash cached outputs before reuse, not only compare sizes.
            approver: Whom to ask where a node needs approval; without one it fails.
            observe: Receives every event, from several threads.

        Raises:
            RunParameterError: A parameter is unknown, missing or wrong.
            UnknownRecordError: There is no run to resume of that id.
            RunConflictError: The run to resume is one of another pipeline.
            SelectionError: The partial run has nothing to go on from.
            RunInterrupted: Ctrl-C; what ran was canceled and recorded.
        """
        if resume is not None:
            context, parameters = self._resumed(plan, resume)
        else:
            parameters = bind(plan, given)
            context = new_context(plan, span=span_of(plan, parameters), profile=self.profile)
        launcher = self.launcher(replace(context, force=force, verify_full=verify_full))
        runner = LocalRunner(
            plan,
            replace(launcher, approver=approver),
            parameters,
            selection=selection,
            observe=observe,
        )
        try:
            with stoppable():
                return runner.run()
        except KeyboardInterrupt as interrupt:
            raise RunInterrupted(runner.run_id) from interrupt

    def _resumed(self, plan: Plan, run_id: str) -> tuple[RunContext, dict[str, Any]]:
        """The context and parameters of a run to go on with; tries in it that died are cleared away."""
        run = self.store.run(run_id)
        if run is None:
            raise UnknownRecordError(
                f"there is no run {run_id}", fix=f"run `pipeline runs {plan.name}` and name one of these"
            )
        if run.pipeline != plan.name:
            raise RunConflictError(
                f"run {run_id} is one of pipeline {run.pipeline}",
                got=plan.name,
                fix=f"resume it as a run of {run.pipeline}",
            )
        parameters = bind(plan, run.parameters)
        for execution in self.store.run_executions(run_id):
            if is_dead(execution):
                clear_away(self.store, self.artifacts, execution)
        fresh = new_context(plan, span=span_of(plan, parameters), profile=self.profile)
        return replace(fresh, run_id=run_id, resumed=True), parameters


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
            environments=profile.environments,
            cold=cold,
        )
        yield Session(profile=profile, store=store, artifacts=artifacts, executor=executor)


def new_context(plan: Plan, *, span: str, profile: Profile) -> RunContext:
    """A new run's identity and what is worth knowing of its surroundings."""
    now = datetime.now(UTC)
    facts, texts = surroundings(Path.cwd()), {}
    if facts["git_dirty"] and (changes := git_diff(Path.cwd())):
        facts["git_diff_digest"] = hashlib.sha256(changes.encode()).hexdigest()
        texts[facts["git_diff_digest"]] = changes
    return RunContext(
        pipeline=plan.name,
        run_id=f"{plan.name}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        span=span,
        facts={
            "profile": profile.name,
            "pid_started": birth_of(os.getpid()),
            **facts,
            "plan_digest": plan.digest,
        },
        texts=texts,
    )
