"""What is live, and why: every change of what servers serve is an execution in the metadata store.

A push is recorded by the launcher, with the facts that its body gives. Rollbacks and promotions are recorded
here. The base path keeps those that the store could not take, until it can.
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pipeline_lib.errors import MetadataUnavailableError, PipelineError
from pipeline_lib.metadata.records import (
    ArtifactQuery,
    NewExecution,
    NodeKey,
    Run,
    State,
    StoredArtifact,
    StoredExecution,
)
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.doctor import Finding
from pipeline_lib.runtime.environment import surroundings
from pipeline_lib.runtime.processes import birth_of
from pipeline_lib.serving.base_path.places import models_below
from pipeline_lib.serving.push.change import Change
from pipeline_lib.serving.push.transaction import ServingTarget
from pipeline_lib.settings import ServingSettings

PIPELINE = "serving"
PUSHED = "PushedModel"

_ACTIONS = ("rollback", "promote", "canary", "abort")
_LATEST_PUSHES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One change of what a server serves.

    Attributes:
        action: `push`, `rollback`, `promote`, `canary` or `abort`.
        traffic: Percent, of a canary.
        live_at: When the servers had it, UTC.
        pushed_model: Id of the PushedModel artifact, if it is known.
    """

    execution: int
    action: str
    pipeline: str
    run_id: str
    serving_target: str
    model_name: str
    version: int
    previous_version: int | None
    label: str
    live_at: datetime
    reason: str
    user: str
    traffic: float | None = None
    pushed_model: int | None = None


def history(
    store: Store, *, model: str | None = None, target: str | None = None, limit: int = _LATEST_PUSHES
) -> list[Deployment]:
    """Changes of what is live, newest first.

    Args:
        store: Where they are recorded.
        model: Only of the model of that name.
        target: Only below that base path.
        limit: Of the latest pushes.
    """
    query = ArtifactQuery(type_name=PUSHED, equal={"pushed": True}, any_state=True, limit=limit)
    ids = [artifact.id for artifact in store.artifacts(query)]
    executions = [*store.producers(ids), *store.consumers(ids)] if ids else []
    known = {execution.id for execution in executions}
    for action in _ACTIONS:  # also of versions whose push is not recorded here
        moves = store.node_history(PIPELINE, f"{PIPELINE}.{action}", limit=limit)
        executions += [execution for execution in moves if execution.id not in known]
    found: dict[tuple[object, ...], Deployment] = {}
    for execution in sorted(executions, key=lambda one: one.id):
        one = _deployment(execution)
        if one is None or (model and one.model_name != model) or (target and one.serving_target != target):
            continue
        # A push that finds its model live says so again: what counts is the first time.
        found.setdefault((one.serving_target, one.label, one.version, one.live_at), one)
    return sorted(found.values(), key=lambda one: (one.live_at, one.execution), reverse=True)


def live_then(changes: Sequence[Deployment], when: datetime) -> list[Deployment]:
    """Of the changes, those that were in effect at a time: one for each target and label."""
    found: dict[tuple[str, str], Deployment] = {}
    for one in changes:  # the newest first
        if one.live_at <= when:
            found.setdefault((one.serving_target, one.label), one)
    return list(found.values())


def move(
    store: Store | None,
    target: ServingTarget,
    action: Literal["rollback", "promote"],
    version: int | None,
    *,
    reason: str,
) -> Change:
    """Roll back or promote, recorded from its beginning to its end.

    Args:
        store: Where; None, if it does not answer: the base path remembers the change for later.
        target: The model and its servers.
        action: Which of the two.
        version: By default what was live before.
        reason: Why, for the record.

    Raises:
        NoSuchVersionError: There is no such version, or none was live before.
        PushUndoneError: The servers did not confirm it; what was live still is.
        PushBusyError: Another change did not end in time.
        DeploymentBrokenError: It failed and could not be taken back.
    """
    if store is None:
        return target.move(action, version, reason=reason)
    record_missing(store, target)
    ledger = target.ledger()
    chosen = version if version is not None else ledger.previous
    recording = _Recording.begin(store, target, action, chosen, reason)
    try:
        change = target.move(action, version, reason=reason)
    except PipelineError as error:
        recording.failed(error)
        raise
    try:
        recording.ended(change.facts())
    except MetadataUnavailableError:
        return change  # the base path remembers it
    target.recorded([{"action": action, **change.facts()}])
    return change


def record_missing(store: Store, target: ServingTarget) -> int:
    """Record the changes that the base path remembers and the store does not know; how many there were.

    Raises:
        MetadataUnavailableError: The store does not answer.
    """
    notes = target.ledger().unrecorded
    for note in notes:
        facts = {name: value for name, value in note.items() if name != "action"}
        recording = _Recording.begin(store, target, note["action"], note["version"], note["reason"])
        recording.ended({**facts, "recorded_late": True})
    if notes:
        target.recorded(notes)
    return len(notes)


def record(store: Store, target: ServingTarget, action: str, facts: Mapping[str, Any]) -> None:
    """Record a change that is done.

    Args:
        store: Where.
        target: The model and its servers.
        action: `canary` or `abort`.
        facts: As `Change.facts` gives them.
    """
    _Recording.begin(store, target, action, facts["version"], facts["reason"]).ended(facts)


def interrupted(settings: ServingSettings, *, mend: bool) -> Iterator[Finding]:
    """Changes of what is live that somebody began and nobody is at work on.

    Args:
        settings: Of the profile, with an absolute base path.
        mend: Whether to take them back.

    Raises:
        DeploymentBrokenError: One cannot be taken back.
    """
    for name in models_below(settings.base_path):
        target = ServingTarget(settings, name)
        if not target.is_interrupted():
            continue
        begun = target.ledger().pending or {}
        yield Finding(
            kind="serving",
            subject=name,
            detail=f"{begun.get('action')} of version {begun.get('version')}, begun {begun.get('at')}",
            mended=target.heal() if mend else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """An execution of a change, in a run of its own."""

    store: Store
    run: Run
    key: NodeKey
    execution_id: int

    @classmethod
    def begin(
        cls, store: Store, target: ServingTarget, action: str, version: int | None, reason: str
    ) -> "_Recording":
        now = datetime.now(UTC)
        facts = {"pid_started": birth_of(os.getpid()), **surroundings(Path.cwd())}
        parameters = {"model_name": target.name, "version": version, "reason": reason}
        run = Run(
            pipeline=PIPELINE,
            run_id=f"{PIPELINE}-{target.name}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
            state=State.RUNNING,
            parameters=parameters,
            facts=facts,
            started_at=now,
        )
        store.open_run(run)
        key = NodeKey(pipeline=PIPELINE, run_id=run.run_id, node=f"{PIPELINE}.{action}")
        pushed = _pushed_model(store, f"{target.base.uri}/{version}")
        execution = NewExecution(
            key=key,
            type_name=key.node,
            cache_key="",
            inputs={"pushed_model": (pushed,)} if pushed is not None else {},
            parameters=parameters,
            facts=facts,
        )
        return cls(store=store, run=run, key=key, execution_id=store.start(execution))

    def ended(self, facts: Mapping[str, Any]) -> None:
        self.store.complete(self.execution_id, self.key, {}, facts)
        self._close(State.COMPLETE)

    def failed(self, error: PipelineError) -> None:
        facts = {"reason": error.summary, "error": error.as_json()}
        self.store.finish(self.execution_id, State.FAILED, facts)
        self._close(State.FAILED)

    def _close(self, state: State) -> None:
        self.store.close_run(replace(self.run, state=state, ended_at=datetime.now(UTC)))


def _pushed_model(store: Store, destination: str) -> StoredArtifact | None:
    query = ArtifactQuery(
        type_name=PUSHED,
        equal={"pushed_destination": destination},
        any_state=True,
        oldest_first=True,
        limit=1,
    )
    return next(iter(store.artifacts(query)), None)


def _deployment(execution: StoredExecution) -> Deployment | None:
    facts = execution.facts
    if not execution.state.succeeded or not facts.get("live_at") or not facts.get("version"):
        return None
    traffic = facts.get("traffic")
    ports = [*execution.outputs.values(), *execution.inputs.values()]
    pushed = [artifact.id for port in ports for artifact in port if artifact.type_name == PUSHED]
    is_ours = execution.type_name.startswith(f"{PIPELINE}.")
    return Deployment(
        execution=execution.id,
        action=execution.type_name.removeprefix(f"{PIPELINE}.") if is_ours else "push",
        pipeline=execution.key.pipeline,
        run_id=execution.key.run_id,
        serving_target=str(facts.get("serving_target", "")),
        model_name=str(facts.get("model_name", "")),
        version=int(facts["version"]),
        previous_version=_number(facts.get("previous_version")),
        label=str(facts.get("label", "stable")),
        live_at=datetime.fromisoformat(facts["live_at"]),
        reason=str(facts.get("reason", "")),
        user=str(facts.get("user", "")),
        traffic=None if traffic is None else float(traffic),
        pushed_model=pushed[0] if pushed else None,
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
