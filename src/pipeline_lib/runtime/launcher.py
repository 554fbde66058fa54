"""One way to execute a node, whatever the orchestrator.

resolve -> cache key -> look up -> register RUNNING -> execute in a child process -> verify outputs ->
rename into place -> publish in one transaction. A process killed between any two of these leaves a store
that the next try, or `pipeline doctor`, can put right.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pipeline_lib import caching
from pipeline_lib.artifacts.store import ArtifactStore
from pipeline_lib.errors import AlreadyCompleteError, MetadataUnavailableError, PipelineError
from pipeline_lib.faults import reached
from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, State
from pipeline_lib.metadata.store import Store
from pipeline_lib.plan.models import Node
from pipeline_lib.runtime.approvals import Approver, not_launched, question_of, withheld
from pipeline_lib.runtime.failures import ChildFailedError, TryFailedError, is_retryable, named_error
from pipeline_lib.runtime.healing import clear_dead_tries, give_up_older_tries, staging_key
from pipeline_lib.runtime.leases import Lease, lease_facts
from pipeline_lib.runtime.messages import Request, Response
from pipeline_lib.runtime.preparation import Prepared
from pipeline_lib.runtime.publishing import publish_outputs, remove_outputs
from pipeline_lib.runtime.repetition import repeated
from pipeline_lib.runtime.requests import request_of
from pipeline_lib.runtime.resolution import artifacts_in, import_existing, resolve_node
from pipeline_lib.runtime.results import (
    NodeProgress,
    NodeResult,
    NodeStep,
    Observer,
    Outcome,
    Step,
    recorded_result,
)
from pipeline_lib.runtime.scope import Scope
from pipeline_lib.runtime.turns import LookAgainError, Turn
from pipeline_lib.runtime.waiting import Waiting, prepare_when_there
from pipeline_lib.settings import Profile


class Executes(Protocol):
    """Runs one request in a process of its own; `pipeline_lib.runtime.execution.Executor` does."""

    def warm_up(self, preload: Sequence[str]) -> None:
        """Begin to import what later requests need; returns at once."""

    def execute(
        self,
        request: Request,
        *,
        log_path: Path,
        timeout_seconds: float | None,
        preload: tuple[str, ...],
        on_progress: Any,
        cancel: threading.Event,
    ) -> Response:
        """The child's response; a child that died without one raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What all nodes of a run share.

    Attributes:
        span: ISO date of the span the run is of, or "".
        facts: Recorded on every execution: user, host, git commit and dirty flag, environment digest.
        force: Nodes that are executed even if the cache has an answer.
        verify_full: Hash cached outputs before reuse, not only compare sizes.
        attempt: Number of this try, from 1, by an orchestrator that retries itself, and that has given up
            all tries before it; 0: the launcher retries.
        texts: By digest, what facts name by digest only: the diff of a working copy that is dirty.
    """

    pipeline: str
    run_id: str
    span: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    force: frozenset[str] = frozenset()
    verify_full: bool = False
    resumed: bool = False
    attempt: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Launches nodes of one run.

    Attributes:
        approver: Whom to ask where a node needs approval; None: only answers on record count.
        waits: Whether to wait here for outside data that is missing, where the pipeline would wait.
    """

    store: Store
    artifacts: ArtifactStore
    executor: Executes
    profile: Profile
    run: RunContext
    cancel: threading.Event = field(default_factory=threading.Event)
    observe: Observer = lambda _: None
    approver: Approver | None = None
    waits: bool = True

    def launch(self, node: Node, scope: Scope) -> NodeResult:
        """Bring one node (one iteration) to its end; errors of the node are in the result.

        A node whose condition does not hold is skipped. A node of this run that is complete already, by
        an earlier try or another process, is not executed again.
        """
        started = time.perf_counter()
        key = NodeKey(
            pipeline=self.run.pipeline, run_id=self.run.run_id, node=node.id, iteration=scope.iteration
        )
        try:
            result = self._launch(node, key, scope)
        except (PipelineError, OSError) as error:
            result = not_launched(error, key, scope.plan, self.store)
        return replace(result, seconds=time.perf_counter() - started)

    def _launch(self, node: Node, key: NodeKey, scope: Scope) -> NodeResult:
        if node.condition is not None and not scope.evaluate(node.condition):
            return NodeResult(key=key, outcome=Outcome.SKIPPED, reason="its condition does not hold")
        self.observe(NodeStep(key=key, step=Step.RESOLVING))
        if self.run.resumed:
            clear_dead_tries(self.store, self.artifacts, key)
            give_up_older_tries(self.store, self.artifacts, key, self.run.attempt)
            if (done := self.store.completed(key)) is not None:
                recorded = recorded_result(done, "complete in this run already")
                return replace(recorded, outcome=Outcome.RESOLVED) if node.kind == "resolver" else recorded
        if node.kind == "resolver":
            return self._resolve(node, key, scope)
        if node.kind == "importer":
            return import_existing(node, key, scope, self.store, self.artifacts)
        if node.options.approval is not None:
            self.observe(NodeStep(key=key, step=Step.ASKING))
            question = question_of(node, key, scope, span=self.run.span)
            refused = withheld(question, store=self.store, approver=self.approver, facts=self.run.facts)
            if refused is not None:
                return refused
        waiting = Waiting(cancel=self.cancel, observe=self.observe) if self.waits else None
        prepared = prepare_when_there(node, key, scope, self.profile, waiting)
        reached("prepared")
        while True:
            found = self._look_up(prepared)
            if isinstance(found, caching.Hit):
                return self._reuse(prepared, found)
            try:
                return self._execute(prepared, found)
            except LookAgainError:
                continue

    def _look_up(self, prepared: Prepared) -> caching.Hit | caching.Miss:
        node = prepared.node
        self.observe(NodeStep(key=prepared.key, step=Step.LOOKING_UP))
        found = caching.find(
            self.store,
            self.artifacts,
            prepared.parts,
            node.options.cache,
            pipeline=self.run.pipeline,
            node=node.id,
            now=datetime.now(UTC),
            force=node.id in self.run.force,
            verify_full=self.run.verify_full,
            inputs=prepared.inputs,
        )
        reached("looked-up")
        return found

    def _resolve(self, node: Node, key: NodeKey, scope: Scope) -> NodeResult:
        """Ask a resolver and record its choice, which later tries and other processes then read."""
        result = resolve_node(node, key, scope, self.store, self.run.span, self.profile.import_paths)
        execution = NewExecution(
            key=key,
            type_name=f"{node.code.module}.{node.code.qualname}",
            cache_key="",
            inputs={port: artifacts_in(scope.evaluate(spec.source)) for port, spec in node.inputs.items()},
            parameters={name: scope.evaluate(value) for name, value in node.parameters.items()},
            facts={**self.run.facts, "run_span": self.run.span, "reason": result.reason},
        )
        try:
            execution_id, _ = self.store.record_resolved(execution, result.outputs)
        except AlreadyCompleteError:
            return self._taken_over(key)
        reached("resolved")
        return replace(result, execution_id=execution_id)

    def _reuse(self, prepared: Prepared, hit: caching.Hit) -> NodeResult:
        # A hit may be a cached execution itself; what counts is the one that did the work.
        origin = hit.execution.facts.get("cached_from", hit.execution.id)
        made_at = hit.execution.facts.get("cached_since", f"{hit.execution.started_at:%Y-%m-%d %H:%M} UTC")
        execution = self._new_execution(prepared, tries=0)
        told = {"cached_from": origin, "cached_since": made_at}
        execution = replace(execution, facts={**execution.facts, **told})
        try:
            execution_id, outputs = self.store.record_cached(execution, hit.outputs, cached_from=origin)
        except AlreadyCompleteError:
            return self._taken_over(prepared.key)
        reached("cached")
        return NodeResult(
            key=prepared.key,
            outcome=Outcome.CACHED,
            outputs=outputs,
            execution_id=execution_id,
            reason=f"as in execution {origin}, {made_at}",
        )

    def _execute(self, prepared: Prepared, miss: caching.Miss) -> NodeResult:
        why = miss.reason.text
        if not self.run.resumed and (dead := clear_dead_tries(self.store, self.artifacts, prepared.key)):
            why += f"; cleared away after execution {', '.join(map(str, dead))}, whose process died"
        tries = 0

        def once() -> NodeResult:
            nonlocal tries
            tries += 1
            return self._try(prepared, tries, why, miss.newest)

        def again() -> None:
            self.observe(NodeStep(key=prepared.key, step=Step.WAITING, detail=f"try {tries} failed"))

        try:
            result = repeated(once, prepared.node.options, cancel=self.cancel, before_sleep=again)
        except TryFailedError as failed:
            result = failed.result
        return replace(result, tries=tries, reason=result.reason or why)

    def _try(self, prepared: Prepared, tries: int, why: str, seen: int) -> NodeResult:
        """One execution; raises `TryFailedError` with the result of a failed one.

        Raises:
            LookAgainError: Another run computed the same result meanwhile.
        """
        key = prepared.key
        tries = self.run.attempt or tries
        log = self._log_path(key, tries)
        execution = self._new_execution(prepared, tries=tries, log=str(log))
        execution = replace(execution, facts={**execution.facts, **lease_facts()})
        execution_id = self._turn(key).start(execution, claims=self._shares(prepared), seen=seen)
        reached("registered")
        self.observe(NodeStep(key=key, step=Step.EXECUTING, detail=why, log=log))
        facts: dict[str, Any] = {}
        try:
            with (
                Lease(self.store, execution_id, cancel=self.cancel) as lease,
                self._staging(key, execution_id) as staging,
            ):
                response = self.executor.execute(
                    request_of(prepared, self.profile, self.run.span, execution_id, staging=staging, log=log),
                    log_path=log,
                    timeout_seconds=prepared.node.options.timeout_seconds,
                    preload=prepared.preload,
                    on_progress=lambda progress: self.observe(NodeProgress(key=key, progress=progress)),
                    cancel=lease,
                )
                reached("executed")
                lease.require(key)
                facts = {**response.facts, **response.usage.model_dump()}
                if response.failure is not None:
                    raise ChildFailedError(response)
                self.observe(NodeStep(key=key, step=Step.PUBLISHING))
                outputs = publish_outputs(
                    self.artifacts, prepared.node, key, execution_id, response, staging=staging
                )
                result = self._complete(execution_id, key, outputs, facts)
        except (PipelineError, OSError) as error:
            named = named_error(error, key)
            failed = self._failed(prepared, execution_id, named, facts, log)
            raise TryFailedError(
                failed, retryable=is_retryable(named) and not self.cancel.is_set()
            ) from error
        return replace(result, log=log, usage=facts)

    def _shares(self, prepared: Prepared) -> bool:
        """Whether to leave the work to another run that does it already, and to take its result."""
        return bool(prepared.cache_key) and prepared.node.id not in self.run.force

    def _turn(self, key: NodeKey) -> Turn:
        def tell(detail: str) -> None:
            self.observe(NodeStep(key=key, step=Step.WAITING_FOR_RUN, detail=detail))

        return Turn(store=self.store, artifacts=self.artifacts, cancel=self.cancel, tell=tell)

    @contextmanager
    def _staging(self, key: NodeKey, execution_id: int) -> Iterator[Path]:
        staging = self.artifacts.staging(staging_key(key, execution_id))
        try:
            reached("staged")
            yield staging
        finally:
            self.artifacts.discard(staging)
            reached("discarded")

    def _complete(
        self,
        execution_id: int,
        key: NodeKey,
        outputs: Mapping[str, tuple[NewArtifact, ...]],
        facts: Mapping[str, Any],
    ) -> NodeResult:
        """Record the outputs; those of another try of this node of this run, if that was first."""
        try:
            published = self.store.complete(execution_id, key, outputs, facts)
        except AlreadyCompleteError:
            reached("superseded")
            remove_outputs(self.artifacts, outputs)
            self.store.finish(execution_id, State.CANCELED, {**facts, "superseded": True})
            return self._taken_over(key)
        except PipelineError:
            # Whether it was recorded may be unknown: the store is asked, and as long as it does not answer
            # the files stay, for the doctor.
            if (winner := self.store.completed(key)) is None or winner.id != execution_id:
                remove_outputs(self.artifacts, outputs)
                raise
            published = winner.outputs
        reached("completed")
        return NodeResult(key=key, outcome=Outcome.COMPLETE, outputs=published, execution_id=execution_id)

    def _taken_over(self, key: NodeKey) -> NodeResult:
        winner = self.store.completed(key)
        if winner is None:  # the store said so a moment ago
            raise AlreadyCompleteError(
                f"{key} is complete in this run, but its execution cannot be read",
                fix="run `pipeline doctor`",
            )
        return recorded_result(winner, "another try of this run was first")

    def _failed(
        self,
        prepared: Prepared,
        execution_id: int,
        error: PipelineError,
        facts: Mapping[str, Any],
        log: Path,
    ) -> NodeResult:
        canceled = self.cancel.is_set()
        try:
            self.store.finish(
                execution_id,
                State.CANCELED if canceled else State.FAILED,
                {**facts, "error": error.as_json()},
            )
            winner = self.store.completed(prepared.key)
        except MetadataUnavailableError:
            winner = None  # the first error tells more; the next try clears the execution away
        if winner is not None:
            return recorded_result(winner, "another try of this run was first")
        return NodeResult(
            key=prepared.key,
            outcome=Outcome.CANCELED if canceled else Outcome.FAILED,
            error=error,
            reason=error.summary,
            execution_id=execution_id,
            log=log,
            usage=facts,
        )

    def _new_execution(self, prepared: Prepared, *, tries: int, log: str = "") -> NewExecution:
        return NewExecution(
            key=prepared.key,
            type_name=f"{prepared.node.code.module}.{prepared.node.code.qualname}",
            cache_key=prepared.cache_key,
            inputs=prepared.inputs,
            parameters=prepared.parameters,
            facts={
                **self.run.facts,
                "run_span": self.run.span,
                "cache_parts": prepared.parts.as_json(),
                "try": tries,
                "log": log,
            },
        )

    def _log_path(self, key: NodeKey, tries: int) -> Path:
        folder = Path(self.profile.state_dir).resolve() / "logs" / key.pipeline / key.run_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (f"{key}.log" if tries == 1 else f"{key}.try{tries}.log")
